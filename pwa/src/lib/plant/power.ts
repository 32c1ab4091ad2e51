/** The live power of a node, only where the server or one meter says it: nothing is summed here. */
import type { LiveValue } from '../graphql/fragments.ts';
import type { Meter, PlantNode } from '../graphql/plant.ts';
import type { Summary } from '../graphql/summary.ts';
import { mainEnergy } from '../state/energies.ts';

export interface Power {
  value: number | null;
  unit: string;
}

function fromSummary(node: PlantNode, summary: Summary | null): Power | null {
  if (!summary) return null;
  if (summary.node.id === node.id) return { value: summary.powerKw, unit: 'kW' };
  const top = summary.top.find((one) => one.node.id === node.id);
  return top ? { value: top.powerKw, unit: 'kW' } : null;
}

export function powerOf(
  node: PlantNode,
  meters: ReadonlyMap<string, Meter>,
  summary: Summary | null,
  newest: (known: LiveValue | null) => LiveValue | null
): Power | null {
  const known = fromSummary(node, summary);
  if (known) return known;
  const energy = mainEnergy(node.energies);
  const own = node.meterIds
    .map((id) => meters.get(id))
    .filter((meter) => meter !== undefined && meter.energy === energy);
  const [only] = own;
  if (own.length !== 1 || !only) return null;
  const live = newest(only.power);
  return live ? { value: live.value, unit: live.unit } : null;
}
