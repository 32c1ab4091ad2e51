/** The gap ledger of one day as rows of hours, one a meter. */
import type { GapHour } from '../graphql/gateways.ts';

/** `none`: nothing was expected, because the hour is to come or the meter was not there yet. */
export type Cell = 'none' | 'complete' | 'partial' | 'missing';

export interface GapRow {
  meterId: string;
  expected: number;
  missing: number;
  cells: Cell[];
}

export interface Run {
  cell: Cell;
  from: number;
  length: number;
}

const HOUR_MS = 3_600_000;

/** The UTC hours that [start, end) touches, as ms; 23 or 25 where the clock is changed. */
export function hoursOf(start: string, end: string): number[] {
  const first = Math.floor(Date.parse(start) / HOUR_MS);
  const last = Math.ceil(Date.parse(end) / HOUR_MS);
  return Array.from({ length: Math.max(0, last - first) }, (_, index) => (first + index) * HOUR_MS);
}

export function cellOf(hour: Pick<GapHour, 'expected' | 'missing'> | undefined): Cell {
  if (!hour || hour.expected === 0) return 'none';
  if (hour.missing === 0) return 'complete';
  return hour.missing < hour.expected ? 'partial' : 'missing';
}

/** One row a meter, those with most missing first, else in the order the server gives. */
export function rowsOf(found: readonly GapHour[], hours: readonly number[]): GapRow[] {
  const meters = new Map<string, Map<number, GapHour>>();
  for (const one of found) {
    const known = meters.get(one.meterId) ?? new Map<number, GapHour>();
    meters.set(one.meterId, known.set(Date.parse(one.hour), one));
  }
  const rows = [...meters].map(([meterId, known]) => ({
    meterId,
    expected: total(known, 'expected'),
    missing: total(known, 'missing'),
    cells: hours.map((hour) => cellOf(known.get(hour)))
  }));
  return rows.sort((one, other) => other.missing - one.missing);
}

/** Neighbours that are alike as one, so that a complete day is one element. */
export function runsOf(cells: readonly Cell[]): Run[] {
  const runs: Run[] = [];
  cells.forEach((cell, from) => {
    const last = runs.at(-1);
    if (last?.cell === cell) last.length += 1;
    else runs.push({ cell, from, length: 1 });
  });
  return runs;
}

/** Stretches in which anything is missing, whether a part of an hour or all of it. */
export function holesOf(cells: readonly Cell[]): Run[] {
  const alike = cells.map((cell) => (cell === 'partial' ? 'missing' : cell));
  return runsOf(alike).filter((run) => run.cell === 'missing');
}

function total(hours: ReadonlyMap<number, GapHour>, what: 'expected' | 'missing'): number {
  return [...hours.values()].reduce((sum, hour) => sum + hour[what], 0);
}
