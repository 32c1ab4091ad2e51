import { expect, test } from 'vitest';
import { change, lastOver, moved } from '../src/lib/groups/period.ts';

test('periods move by whole days, months and years, and begin with their first day', () => {
  expect(moved('DAY', '2026-03-01', -1)).toBe('2026-02-28');
  expect(moved('MONTH', '2026-01-31', 1)).toBe('2026-02-01');
  expect(moved('MONTH', '2026-01-01', -1)).toBe('2025-12-01');
  expect(moved('YEAR', '2026-07-09', -1)).toBe('2025-01-01');
});

test('what is shown first is the period that is over', () => {
  const now = new Date('2026-03-15T23:00:00Z');
  expect(lastOver('DAY', now)).toBe('2026-03-14');
  expect(lastOver('MONTH', now)).toBe('2026-02-01');
  expect(lastOver('YEAR', now)).toBe('2025-01-01');
});

test('a change needs something to change from', () => {
  expect(change('3000.000000', '2000.000000')).toBe(0.5);
  expect(change('1', '2')).toBe(-0.5);
  expect(change('1', '0')).toBe(null);
  expect(change('1', null)).toBe(null);
  expect(change(null, '1')).toBe(null);
});
