/** What a restatement says of itself in the reader's language. */
import { DASH, when } from '../format/shown.ts';
import { tNamed } from '../texts/language.svelte.ts';

export const kindText = (kind: string) => tNamed(`restatement.kind.${kind}`, {}, kind);
export const stateText = (state: string) => tNamed(`restatement.state.${state}`, {}, state);
export const fieldText = (name: string) => tNamed(`restatement.field.${name}`, {}, name);
export const choiceText = (choice: string) =>
  tNamed(`stock.kind.${choice.toUpperCase()}`, {}, choice);

const IDENTITIES = ['meter', 'node', 'event', 'device', 'document', 'restatement'];

/** The changed fields as pairs of words; identities of things are shown by their links. */
export function facts(params: Record<string, unknown>): [string, string][] {
  return Object.entries(params)
    .filter(([name, value]) => value !== null && !IDENTITIES.includes(name))
    .map(([name, value]) => [fieldText(name), shown(name, value)]);
}

function shown(name: string, value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return DASH;
  if (name === 'document_kind') return choiceText(value);
  return /^\d{4}-\d\d-\d\dT/.test(value) ? when(value, 'full') : value;
}
