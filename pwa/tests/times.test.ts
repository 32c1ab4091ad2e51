import { expect, test } from 'vitest';
import { clockParts, formatAge, formatTime } from '../src/lib/format/times.ts';

test('instants are shown on the plant’s clock, not the viewer’s', () => {
  expect(formatTime('en', 'Asia/Shanghai', '2026-11-23T15:30:00Z', 'full')).toBe('23 Nov, 23:30');
  expect(formatTime('en', 'Asia/Kathmandu', '2026-11-23T18:15:00Z', 'time')).toBe('00:00');
  expect(formatTime('zh-CN', 'Asia/Shanghai', '2026-11-23T16:00:00Z', 'day')).toBe('11月24日');
});

test('the hour that comes twice has the same hour and day', () => {
  const first = clockParts('Europe/Berlin', '2026-10-25T00:00:00Z');
  const second = clockParts('Europe/Berlin', '2026-10-25T01:00:00Z');
  expect(first).toEqual({ day: '2026-10-25', hour: 2 });
  expect(second).toEqual(first);
});

test('ages are whole units, rounded down', () => {
  expect(formatAge('en', 59_999)).toBe('now');
  expect(formatAge('en', 3 * 60_000 + 59_000)).toBe('3 min. ago');
  expect(formatAge('en', 25 * 3_600_000)).toBe('yesterday');
});
