import { expect, test } from 'vitest';
import { cellOf, holesOf, hoursOf, rowsOf, runsOf } from '../src/lib/gateways/gaps.ts';

const hour = (meterId: string, at: string, expected: number, missing: number) => ({
  meterId,
  hour: at,
  expected,
  stored: expected - missing,
  missing
});

test('a day of the plant has the hours between its ends, 23 where the clock goes forward', () => {
  expect(hoursOf('2026-11-22T16:00:00Z', '2026-11-23T16:00:00Z')).toHaveLength(24);
  expect(hoursOf('2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z')).toHaveLength(23);
  expect(hoursOf('2026-11-22T18:30:00Z', '2026-11-22T20:30:00Z')).toEqual([
    Date.parse('2026-11-22T18:00:00Z'),
    Date.parse('2026-11-22T19:00:00Z'),
    Date.parse('2026-11-22T20:00:00Z')
  ]);
  expect(hoursOf('2026-11-23T16:00:00Z', '2026-11-22T16:00:00Z')).toEqual([]);
});

test('an hour without expectations is neither complete nor a gap', () => {
  expect(cellOf(undefined)).toBe('none');
  expect(cellOf({ expected: 0, missing: 0 })).toBe('none');
  expect(cellOf({ expected: 4, missing: 0 })).toBe('complete');
  expect(cellOf({ expected: 4, missing: 1 })).toBe('partial');
  expect(cellOf({ expected: 4, missing: 4 })).toBe('missing');
});

test('a row a meter, most missing first, else as the server has them; hours to come stay empty', () => {
  const hours = hoursOf('2026-11-23T00:00:00Z', '2026-11-23T03:00:00Z');
  const rows = rowsOf(
    [
      hour('a', '2026-11-23T01:00:00Z', 4, 0),
      hour('b', '2026-11-23T01:00:00Z', 4, 4),
      hour('c', '2026-11-23T01:00:00Z', 4, 0),
      hour('a', '2026-11-23T00:00:00Z', 4, 0),
      hour('b', '2026-11-23T00:00:00Z', 4, 1),
      hour('c', '2026-11-23T00:00:00Z', 2, 0)
    ],
    hours
  );
  expect(rows).toEqual([
    { meterId: 'b', expected: 8, missing: 5, cells: ['partial', 'missing', 'none'] },
    { meterId: 'a', expected: 8, missing: 0, cells: ['complete', 'complete', 'none'] },
    { meterId: 'c', expected: 6, missing: 0, cells: ['complete', 'complete', 'none'] }
  ]);
});

test('hours that are alike become one run', () => {
  expect(runsOf(['complete', 'complete', 'missing', 'none', 'none', 'none'])).toEqual([
    { cell: 'complete', from: 0, length: 2 },
    { cell: 'missing', from: 2, length: 1 },
    { cell: 'none', from: 3, length: 3 }
  ]);
  expect(runsOf([])).toEqual([]);
});

test('a hole goes on from a half hour to a whole one', () => {
  expect(holesOf(['complete', 'partial', 'missing', 'none', 'partial'])).toEqual([
    { cell: 'missing', from: 1, length: 2 },
    { cell: 'missing', from: 4, length: 1 }
  ]);
});
