/** Series as the charts need them. Boundaries are the server's; nothing is invented for a gap. */
import type { Series } from '../graphql/fragments.ts';

/** Numbers of `gateway/contract/quality.py`. */
export const QUALITY = { good: 0, estimated: 1, suspect: 4, missing: 5 } as const;

export type Mark = 'good' | 'estimated' | 'missing';

export interface Slot {
  start: string;
  value: number | null;
  mark: Mark;
  label: string | null;
}

function startsOf(series: Series): string[] {
  if (series.starts) return series.starts;
  const first = Date.parse(series.start);
  const step = (series.step ?? 0) * 1000;
  return series.values.map((_, index) => new Date(first + index * step).toISOString());
}

function markOf(value: number | null, quality: number | null | undefined): Mark {
  if (value === null) return 'missing';
  return (quality ?? QUALITY.good) === QUALITY.good ? 'good' : 'estimated';
}

export function slotsOf(series: Series): Slot[] {
  const starts = startsOf(series);
  return series.values.map((value, index) => ({
    start: starts[index] ?? series.start,
    value,
    mark: markOf(value, series.quality[index]),
    label: series.labels?.[index] ?? null
  }));
}

/** The greatest value of several series, at least a little above zero so that a scale exists. */
export function highest(...lists: (number | null)[][]): number {
  return Math.max(1e-9, ...lists.flat().filter((value) => value !== null));
}

/** A stepped SVG line over `count` equal slots; a gap interrupts it. */
export function stepPath(
  values: (number | null)[],
  count: number,
  top: number,
  width: number,
  height: number
): string {
  const slot = width / Math.max(1, count);
  let drawing = false;
  let path = '';
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = round(index * slot);
    const y = round(height - (Math.max(0, value) / top) * height);
    path += `${drawing ? 'L' : 'M'}${x} ${y}H${round(x + slot)}`;
    drawing = true;
  });
  return path;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Two columns for one bar chart: what was measured, and what was estimated (drawn hatched). */
export function byMark(slots: Slot[]): { good: (number | null)[]; estimated: (number | null)[] } {
  return {
    good: slots.map((slot) => (slot.mark === 'good' ? slot.value : null)),
    estimated: slots.map((slot) => (slot.mark === 'estimated' ? slot.value : null))
  };
}

/** Lines of comma separated values with a header; text is quoted, a gap is an empty field. */
export function csvOf(header: string[], rows: (string | number | null)[][]): string {
  const field = (value: string | number | null) =>
    typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value ?? '');
  return [header, ...rows].map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}

/** The values of slots that have ended: half a slot drawn beside whole ones looks like a fall. */
export function ended(
  { start, step, values }: Pick<Series, 'start' | 'step' | 'values'>,
  now: string
): (number | null)[] {
  if (step === null) return values;
  const passed = Math.floor((Date.parse(now) - Date.parse(start)) / (step * 1000));
  return values.map((value, index) => (index < passed ? value : null));
}
