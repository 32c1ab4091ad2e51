/** The live power of a node: the server's sum, else its one meter's; nothing is summed here. */
import type { LiveValue } from '../graphql/fragments.ts';
import type { Meter, PlantNode } from '../graphql/plant.ts';
import { mainEnergy } from '../state/energies.ts';
import { session } from '../state/session.svelte.ts';

export interface Power {
  value: number | null;
  unit: string;
}

/** The server sums the plant's main energy; of a node without it the flow of its only meter. */
export function powerOf(
  node: PlantNode,
  meters: ReadonlyMap<string, Meter>,
  powers: ReadonlyMap<string, number | null>,
  newest: (known: LiveValue | null) => LiveValue | null
): Power | null {
  const energy = mainEnergy(node.energies);
  if (energy !== '' && energy === session.project?.energies[0]?.code) {
    return {
      value: powers.has(node.id) ? (powers.get(node.id) ?? null) : node.powerKw,
      unit: 'kW'
    };
  }
  const own = node.meterIds
    .map((id) => meters.get(id))
    .filter((meter) => meter !== undefined && meter.energy === energy);
  const [only] = own;
  if (own.length !== 1 || !only) return null;
  const live = newest(only.power);
  return live ? { value: live.value, unit: live.unit } : null;
}
