import { expect, test } from 'vitest';
import type { Series } from '../src/lib/graphql/fragments.ts';
import { byMark, csvOf, ended, slotsOf, stepPath } from '../src/lib/chart/series.ts';
import { gridOf } from '../src/lib/chart/heat.ts';

const quarters: Series = {
  start: '2026-11-23T16:00:00Z',
  end: '2026-11-23T17:00:00Z',
  step: 900,
  starts: null,
  unit: 'kWh',
  values: [10, null, 30, 0],
  quality: [0, 5, 1, 0],
  labels: null
};

test('fixed steps get their starts, and a gap is missing, not zero', () => {
  const slots = slotsOf(quarters);
  expect(slots.map((slot) => slot.start)).toEqual([
    '2026-11-23T16:00:00.000Z',
    '2026-11-23T16:15:00.000Z',
    '2026-11-23T16:30:00.000Z',
    '2026-11-23T16:45:00.000Z'
  ]);
  expect(slots.map((slot) => slot.mark)).toEqual(['good', 'missing', 'estimated', 'good']);
  expect(slots.map((slot) => slot.value)).toEqual([10, null, 30, 0]);
});

test('calendar steps keep the server’s bounds, also a day of 23 hours', () => {
  const starts = ['2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'];
  const slots = slotsOf({ ...quarters, step: null, starts, values: [1, 2], quality: [0, 0] });
  expect(slots.map((slot) => slot.start)).toEqual(starts);
});

test('measured and estimated bars never stand in the same slot', () => {
  expect(byMark(slotsOf(quarters))).toEqual({
    good: [10, null, null, 0],
    estimated: [null, null, 30, null]
  });
});

test('a gap interrupts the line', () => {
  expect(stepPath([5, null, 10], 4, 10, 40, 20)).toBe('M0 10H10M20 0H30');
});

test('the heat map has one column a day of the plant', () => {
  const grid = gridOf(slotsOf({ ...quarters, step: 3600 * 12 }), 'Asia/Shanghai');
  expect(grid.days).toEqual(['2026-11-24', '2026-11-25']);
  expect(grid.cells.map(({ column, hour }) => [column, hour])).toEqual([
    [0, 0],
    [0, 12],
    [1, 0],
    [1, 12]
  ]);
  expect([grid.low, grid.high]).toEqual([0, 30]);
});

test('CSV quotes text and leaves a gap empty', () => {
  expect(
    csvOf(
      ['a', 'b "c"'],
      [
        ['x', null],
        ['y', 1.5]
      ]
    )
  ).toBe('"a","b ""c"""\r\n"x",\r\n"y",1.5\r\n');
});

test('the running slot and the ones to come are not drawn as a fall', () => {
  const series = { start: '2026-11-24T00:00:00Z', step: 900, values: [650, 655, 12, null] };
  expect(ended(series, '2026-11-24T00:29:59Z')).toEqual([650, null, null, null]);
  expect(ended(series, '2026-11-24T00:30:00Z')).toEqual([650, 655, null, null]);
});
