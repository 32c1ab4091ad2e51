/** Weeks of a month, spans of two taps, and what a day mostly is. */
import { describe, expect, it } from 'vitest';
import {
  around,
  daysBetween,
  grid,
  mainly,
  monthLater,
  plus,
  span,
  weekday
} from '../src/lib/calendar/days.ts';
import type { CalendarDay } from '../src/lib/graphql/calendar.ts';

describe('days without a clock', () => {
  it('counts over months, years and leap days', () => {
    expect(plus('2026-12-31', 1)).toBe('2027-01-01');
    expect(plus('2028-03-01', -1)).toBe('2028-02-29');
    expect(monthLater('2026-12', 1)).toBe('2027-01');
    expect(monthLater('2026-01', -1)).toBe('2025-12');
    expect(weekday('2026-03-15')).toBe(7);
    expect(daysBetween('2026-02-27', '2026-03-01')).toEqual([
      '2026-02-27',
      '2026-02-28',
      '2026-03-01'
    ]);
  });

  it('draws whole weeks, wherever a week begins', () => {
    expect(grid('2026-03', 1)).toEqual({ first: '2026-02-23', last: '2026-04-05' });
    expect(grid('2026-03', 7)).toEqual({ first: '2026-03-01', last: '2026-04-04' });
    for (let start = 1; start <= 7; start++) {
      const { first, last } = grid('2026-02', start);
      expect(weekday(first)).toBe(start);
      expect(daysBetween(first, last).length % 7).toBe(0);
    }
  });

  it('takes two taps in any order', () => {
    expect(span('2026-03-16', '2026-03-12')).toEqual({ first: '2026-03-12', last: '2026-03-16' });
    expect(around('2026-03-01', '2026-03-31')).toEqual({
      start: '2026-02-28T00:00:00Z',
      end: '2026-04-02T00:00:00Z'
    });
  });
});

it('names a day by its longest stretch', () => {
  const part = (start: string, end: string, state: 'WORK' | 'MAINTENANCE') => ({
    start,
    end,
    state,
    origin: 'OWN' as const,
    entryId: null,
    deEnergised: false,
    note: ''
  });
  const day: CalendarDay = {
    day: '2026-03-16',
    springFestival: false,
    holiday: null,
    stretches: [
      part('2026-03-15T16:00:00Z', '2026-03-16T00:00:00Z', 'WORK'),
      part('2026-03-16T00:00:00Z', '2026-03-16T04:00:00Z', 'MAINTENANCE'),
      part('2026-03-16T04:00:00Z', '2026-03-16T16:00:00Z', 'WORK')
    ]
  };
  expect(mainly(day)?.start).toBe('2026-03-16T04:00:00Z');
  expect(mainly({ ...day, stretches: [] })).toBeUndefined();
});
