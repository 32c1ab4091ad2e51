/** Words for periods and slots, as long as their chart allows. */
import { when } from '../format/shown.ts';
import type { TimeStyle } from '../format/times.ts';
import type { CalendarPeriod } from '../graphql/analyse.ts';
import type { Measure, Span } from './choice.ts';

const PERIOD: Record<Span, TimeStyle> = { day: 'weekday', month: 'month', year: 'year' };
const SLOT: Record<Span, TimeStyle> = { day: 'time', month: 'weekday', year: 'month' };
const TICK: Record<Span, TimeStyle> = { day: 'hour', month: 'monthday', year: 'shortmonth' };

export function periodLabel(span: Span, period: CalendarPeriod): string {
  return when(period.start, PERIOD[span]);
}

export function slotLabel(span: Span, start: string, hourly: boolean): string {
  return when(start, span === 'year' && hourly ? 'full' : SLOT[span]);
}

export function tickLabel(span: Span, start: string): string {
  const text = when(start, TICK[span]);
  return span === 'year' ? text : text.replace(/\D/g, '');
}

/** Which slots get a tick: whole hours of a day, some days of a month, every other month of a year. */
export function ticks(span: Span, starts: string[]): number[] {
  const label = (index: number) => tickLabel(span, starts[index] ?? '');
  const every = { day: 4, month: 5, year: 2 }[span];
  const changes = starts
    .map((_, index) => index)
    .filter((i) => i === 0 || label(i) !== label(i - 1));
  return changes.filter((_, position) => position % every === 0);
}

/** Decimals that suit the size of a number. */
export function digitsFor(measure: Measure, greatest: number): number {
  if (measure === 'COST') return greatest < 100 ? 2 : 0;
  if (greatest < 10) return 2;
  return greatest < 1000 ? 1 : 0;
}
