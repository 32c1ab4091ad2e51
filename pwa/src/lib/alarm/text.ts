/** What an alarm says, from its kind and numbers; the same words on list, detail and screen reader. */
import type { Alarm } from '../graphql/alarms.ts';
import { num, when } from '../format/shown.ts';
import { nameOf, tNamed } from '../texts/language.svelte.ts';
import type { Params } from '../texts/catalogue.ts';
import { wantsAck } from './order.ts';

/** Numbers in the reader's notation, instants in the plant's zone; `_at`-named ones are instants. */
export function shownParams(params: Record<string, unknown>): Params {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (typeof value === 'number') return [name, num(value, Number.isInteger(value) ? 0 : 1)];
      if (typeof value === 'string' && name.endsWith('At')) return [name, when(value, 'full')];
      if (typeof value === 'string') return [name, inLanguage(value)];
      return [name, String(value)];
    })
  );
}

/** Names inside numbers come as "English|中文". */
function inLanguage(value: string): string {
  const [en = '', zh] = value.split('|');
  return zh === undefined ? en : nameOf({ en, zh });
}

export function titleOf(alarm: Pick<Alarm, 'definition'>): string {
  return nameOf(alarm.definition);
}

export function placeOf(alarm: Pick<Alarm, 'node' | 'meter'>): string {
  return nameOf(alarm.node?.name ?? alarm.meter?.name);
}

/** One sentence with the numbers; empty for a kind that this version of the app does not know. */
export function detailOf(alarm: Pick<Alarm, 'kind' | 'params'>): string {
  return tNamed(`alarm.${alarm.kind}.detail`, shownParams(alarm.params), '');
}

export function stateKey(alarm: Pick<Alarm, 'state'>): 'alarms.state.UNACK' {
  return `alarms.state.${alarm.state}` as 'alarms.state.UNACK';
}

export { wantsAck };
