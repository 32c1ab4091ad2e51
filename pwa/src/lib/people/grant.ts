/** What a membership gives: a role within a place and modules. */
import { fromField } from '../forms/local.ts';
import type { Member } from '../graphql/people.ts';

export type Module = Member['modules'][number];
export const MODULES: readonly Module[] = ['ENERGY', 'DEVICES', 'ALARMS', 'EQUIPMENT', 'RECORDS'];

export interface Grant {
  role: string;
  /** A place with all below it; empty for the whole plant. */
  part: string;
  modules: readonly Module[];
  /** When it ends by itself, in the plant's time; empty for never. Not asked where it is missing. */
  until?: string;
}

/** As the server takes it: null says "all". */
export function sent({ role, part, modules }: Grant) {
  return { role, part: part || null, modules: opened(modules) };
}

/** As the server takes it, with when it ends. */
export function sentUntil(grant: Grant, zone: string) {
  return { ...sent(grant), until: fromField(zone, grant.until ?? '') };
}

/** Null says "all". */
export function opened(modules: readonly Module[]): Module[] | null {
  return modules.length === MODULES.length ? null : [...modules];
}

/** The list with a thing put in or taken out, in the order of `all`. */
export function toggled<T>(all: readonly T[], list: readonly T[], one: T, on: boolean): T[] {
  return all.filter((other) => (other === one ? on : list.includes(other)));
}
