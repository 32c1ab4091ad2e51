/** What a membership gives: a role within a place and modules. */
import type { Member } from '../graphql/people.ts';

export type Module = Member['modules'][number];
export const MODULES: readonly Module[] = ['ENERGY', 'DEVICES', 'ALARMS', 'EQUIPMENT', 'RECORDS'];

export interface Grant {
  role: string;
  /** A place with all below it; empty for the whole plant. */
  part: string;
  modules: readonly Module[];
}

/** As the server takes it: null says "all". */
export function sent({ role, part, modules }: Grant) {
  return {
    role,
    part: part || null,
    modules: modules.length === MODULES.length ? null : [...modules]
  };
}

/** The list with a thing put in or taken out, in the order of `all`. */
export function toggled<T>(all: readonly T[], list: readonly T[], one: T, on: boolean): T[] {
  return all.filter((other) => (other === one ? on : list.includes(other)));
}
