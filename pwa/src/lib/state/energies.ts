/** Energy types of the open project: names, colours, units. */
import type { Project } from '../graphql/session.ts';
import { nameOf } from '../texts/language.svelte.ts';
import { session } from './session.svelte.ts';

export type Energy = Project['energies'][number];

export function energyOf(code: string): Energy | undefined {
  return session.project?.energies.find((energy) => energy.code === code);
}

/** The first of the project's energies that a place has. */
export function mainEnergy(codes: readonly string[]): string {
  const order = session.project?.energies.map((energy) => energy.code) ?? [];
  return order.find((code) => codes.includes(code)) ?? codes[0] ?? '';
}

export function energyName(code: string): string {
  return nameOf(energyOf(code)?.name) || code;
}

export function energyColour(code: string): string {
  return energyOf(code)?.colour ?? 'var(--ink-2)';
}
