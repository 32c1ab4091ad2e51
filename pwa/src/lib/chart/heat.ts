/** Hours of many days as a grid: one column a day, one row an hour of the plant's clock. */
import { clockParts } from '../format/times.ts';
import type { Slot } from './series.ts';

export interface Cell {
  column: number;
  hour: number;
  slot: Slot;
}

export interface Grid {
  days: string[];
  cells: Cell[];
  low: number;
  high: number;
}

/** On the day of 25 hours the second of the doubled hours is drawn over the first. */
export function gridOf(slots: Slot[], zone: string): Grid {
  const days: string[] = [];
  const cells = slots.map((slot) => {
    const { day, hour } = clockParts(zone, slot.start);
    if (days.at(-1) !== day) days.push(day);
    return { column: days.length - 1, hour, slot };
  });
  const values = slots.map((slot) => slot.value).filter((value) => value !== null);
  return { days, cells, low: Math.min(0, ...values), high: Math.max(1e-9, ...values) };
}

/** Dark blue over teal to amber: readable in grey as well, and by people who see no red. */
const STOPS: [number, number, number][] = [
  [22, 40, 84],
  [13, 94, 108],
  [44, 152, 120],
  [190, 184, 86],
  [246, 150, 40]
];

export function colourAt(share: number): string {
  const position = Math.max(0, Math.min(1, share)) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(position));
  const from = STOPS[index] ?? [0, 0, 0];
  const to = STOPS[index + 1] ?? from;
  const part = position - index;
  const mix = from.map((value, channel) => Math.round(value + ((to[channel] ?? 0) - value) * part));
  return `rgb(${mix.join(' ')})`;
}
