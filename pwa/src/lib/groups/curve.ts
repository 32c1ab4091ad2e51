/** A group's curve as its chart draws it: a strand a project, slot by slot. */
import type { Line } from '../graphql/group-curves.ts';

/** Strands with a colour of their own. */
export const COLOURS = 6;

export interface Strand {
  /** Projects in it; more than one: the others together. */
  lines: Line[];
  values: (number | null)[];
  before: (number | null)[];
}

type Which = 'now' | 'before';

function summed(lines: Line[], which: Which): (number | null)[] {
  return (lines[0]?.points ?? []).map((_, slot) => {
    const told = lines.map((line) => line.points[slot]?.[which] ?? null);
    const known = told.filter((value) => value !== null);
    return known.length ? known.reduce((whole, value) => whole + Number(value), 0) : null;
  });
}

function strand(lines: Line[]): Strand {
  return { lines, values: summed(lines, 'now'), before: summed(lines, 'before') };
}

/** The greatest first; beyond the colours, where amounts add up, the others together. */
export function strandsOf(lines: readonly Line[], stacked: boolean): Strand[] {
  const whole = (one: Strand) => one.values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const told = lines.filter((line) => line.points.some((point) => point.now !== null));
  const ranked = told.map((line) => strand([line])).sort((one, two) => whole(two) - whole(one));
  if (ranked.length <= COLOURS) return ranked;
  const others = ranked.slice(COLOURS - 1).flatMap((one) => one.lines);
  return [...ranked.slice(0, COLOURS - 1), ...(stacked ? [strand(others)] : [])];
}

/** What all come to together a year before; null where any that tells a slot tells none of that. */
export function beforeOf(lines: readonly Line[]): (number | null)[] {
  const whole = summed([...lines], 'before');
  return whole.map((value, slot) => {
    const points = lines.map((line) => line.points[slot]);
    return points.some((point) => point && point.now !== null && point.before === null)
      ? null
      : value;
  });
}

/** Whether amounts of projects add up: not of a product, and money of one currency only. */
export function addsUp(lines: readonly Line[], by: string): boolean {
  return by !== 'INTENSITY' && new Set(lines.map((line) => line.unit)).size <= 1;
}
