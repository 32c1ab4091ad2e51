/** Days as dates without a clock (2026-03-16), and the weeks of a month. */
import type { CalendarDay, State } from '../graphql/calendar.ts';

export const STATES: readonly State[] = [
  'STOP',
  'REST',
  'MAKEUP',
  'WORK',
  'RATIONED',
  'MAINTENANCE'
];
/** States in which a node can be without power on purpose. */
export const DEAD: ReadonlySet<State> = new Set(['STOP', 'REST', 'RATIONED', 'MAINTENANCE']);
const DAY_MS = 86_400_000;

const noon = (day: string): number => Date.parse(`${day}T12:00:00Z`);

export function plus(day: string, days: number): string {
  return new Date(noon(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** ISO: 1 is Monday. */
export function weekday(day: string): number {
  return new Date(noon(day)).getUTCDay() || 7;
}

/** The same month some months later, as 2026-03. */
export function monthLater(month: string, months: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + months, 15)).toISOString().slice(0, 7);
}

/** The first day of the week that a month begins in, and the last of the one that it ends in. */
export function grid(month: string, weekStart: number): { first: string; last: string } {
  const begin = `${month}-01`;
  const end = plus(`${monthLater(month, 1)}-01`, -1);
  return {
    first: plus(begin, -((weekday(begin) - weekStart + 7) % 7)),
    last: plus(end, 6 - ((weekday(end) - weekStart + 7) % 7))
  };
}

export function daysBetween(first: string, last: string): string[] {
  const count = Math.round((noon(last) - noon(first)) / DAY_MS) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, n) => plus(first, n));
}

/** Two taps, whichever came first. */
export function span(one: string, other: string): { first: string; last: string } {
  return one <= other ? { first: one, last: other } : { first: other, last: one };
}

/** What a day mostly is: its longest stretch. */
export function mainly(day: CalendarDay): CalendarDay['stretches'][number] | undefined {
  const length = (one: CalendarDay['stretches'][number]) =>
    Date.parse(one.end) - Date.parse(one.start);
  return day.stretches.toSorted((a, b) => length(b) - length(a))[0];
}

/** A calendar instant that is surely inside the days, for what overlaps them in any zone. */
export function around(first: string, last: string): { start: string; end: string } {
  return { start: `${plus(first, -1)}T00:00:00Z`, end: `${plus(last, 2)}T00:00:00Z` };
}
