import { expect, test } from 'vitest';
import { fromField, toField } from '../src/lib/forms/local.ts';

test('a field shows and takes the time of the plant, not of the viewer', () => {
  expect(toField('Asia/Shanghai', Date.parse('2026-03-01T00:00:00Z'))).toBe('2026-03-01T08:00');
  expect(fromField('Asia/Shanghai', '2026-03-01T08:00')).toBe('2026-03-01T00:00:00.000Z');
  expect(fromField('Asia/Kathmandu', '2026-03-01T00:00')).toBe('2026-02-28T18:15:00.000Z');
});

test('where clocks change, a time that never was is the one after and a double one the first', () => {
  expect(fromField('Europe/Berlin', '2026-03-29T01:59')).toBe('2026-03-29T00:59:00.000Z');
  expect(fromField('Europe/Berlin', '2026-03-29T03:00')).toBe('2026-03-29T01:00:00.000Z');
  expect(fromField('Europe/Berlin', '2026-03-29T02:30')).toBe('2026-03-29T01:30:00.000Z');
  expect(fromField('Europe/Berlin', '2026-10-25T02:30')).toBe('2026-10-25T00:30:00.000Z');
});

test('no time is nothing', () => {
  expect(fromField('Asia/Shanghai', '')).toBeNull();
});
