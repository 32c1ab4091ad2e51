import { expect, test } from 'vitest';
import { addsUp, beforeOf, strandsOf } from '../src/lib/groups/curve.ts';
import { change, lastOver, moved, slotsBeside, within } from '../src/lib/groups/period.ts';
import type { Line } from '../src/lib/graphql/group-curves.ts';

type Told = string | null;

function line(id: string, unit: string, ...told: [now: Told, before: Told][]): Line {
  const points = told.map(([now, before]) => ({
    name: '2026-02',
    now,
    before,
    why: now === null ? ('BEFORE' as const) : null,
    whole: true,
    complete: true
  }));
  return { id, unit, name: { en: id, zh: id }, points };
}

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

test('beside a period stand the months or days that end with it', () => {
  expect(slotsBeside('MONTH', '2026-02-01', '2026-03-20')).toEqual({
    period: 'MONTH',
    last: '2026-02-15',
    count: 13
  });
  expect(slotsBeside('YEAR', '2025-01-01', '2026-03-20').last).toBe('2025-12-15');
  expect(slotsBeside('YEAR', '2026-01-01', '2026-03-20').last).toBe('2026-03-15');
  expect(slotsBeside('DAY', '2026-03-14', '2026-03-20')).toEqual({
    period: 'DAY',
    last: '2026-03-14',
    count: 31
  });
  expect([within('DAY', '2026-03-14'), within('MONTH', '2026-03-01')]).toEqual([
    '2026-03-14',
    '2026-03-15'
  ]);
});

test('strands are the greatest first, and beyond the colours the others together', () => {
  const lines = ['1', '5', '3', '2', '7', '6', '4'].map((now) => line(now, 'kgce', [now, null]));
  const silent = line('silent', 'kgce', [null, null]);
  const stacked = strandsOf([...lines, silent], true);
  expect(stacked.map((one) => one.values)).toEqual([[7], [6], [5], [4], [3], [3]]);
  expect(stacked.at(-1)?.lines.map((one) => one.id)).toEqual(['2', '1']);
  expect(strandsOf(lines, false).map((one) => one.values)).toEqual([[7], [6], [5], [4], [3]]);
});

test('what is not told is a gap, and a year before counts where all tell it', () => {
  const north = line('north', 'CNY', [null, null], ['3', '2'], ['1', '1']);
  const south = line('south', 'CNY', [null, null], ['6', '5'], ['2', null]);
  expect(strandsOf([south, north], true)[0]?.values).toEqual([null, 6, 2]);
  expect(beforeOf([north, south])).toEqual([null, 7, null]);
});

test('amounts of a product, and of several currencies, do not add up', () => {
  const yuan = line('north', 'CNY', ['1', null]);
  const euro = line('abroad', 'EUR', ['1', null]);
  expect(addsUp([yuan, yuan], 'COST')).toBe(true);
  expect(addsUp([yuan, euro], 'COST')).toBe(false);
  expect(addsUp([yuan], 'INTENSITY')).toBe(false);
});
