import { expect, test } from 'vitest';
import type { Alarm } from '../src/lib/graphql/alarms.ts';
import type { Summary } from '../src/lib/graphql/summary.ts';
import { byUrgency } from '../src/lib/alarm/order.ts';
import { judge } from '../src/lib/now/verdict.ts';

const quiet = {
  powerKw: 2847,
  openAlarms: 0,
  metersLive: 31,
  metersTotal: 31,
  demand: { forecastKw: 3000, limitKw: 4410, minutesToLimit: null }
} as unknown as Summary;
const alarm = (id: string, priority: number, state: Alarm['state'], raisedAt: string) =>
  ({ id, priority, state, raisedAt }) as Alarm;

test('nothing open, all meters live: all is well', () => {
  expect(judge(quiet, [], false)).toEqual({ level: 'ok', reason: 'ok' });
});

test('old data or no live power is never called well', () => {
  expect(judge(quiet, [], true).level).toBe('unknown');
  expect(judge({ ...quiet, powerKw: null }, [], false).level).toBe('unknown');
});

test('a limit that will be reached comes before everything else', () => {
  const demand = { ...quiet.demand, minutesToLimit: 7 } as Summary['demand'];
  expect(judge({ ...quiet, demand, openAlarms: 2 }, [], false)).toEqual({
    level: 'crit',
    reason: 'demand',
    minutes: 7
  });
});

test('an urgent alarm is critical until somebody takes it', () => {
  const open = { ...quiet, openAlarms: 1 };
  const high = alarm('a', 1, 'UNACK', '2026-11-23T10:00:00Z');
  expect(judge(open, [high], false).level).toBe('crit');
  expect(judge(open, [{ ...high, state: 'ACKED' }], false).level).toBe('warn');
});

test('silent meters are a warning', () => {
  expect(judge({ ...quiet, metersLive: 28 }, [], false)).toEqual({
    level: 'warn',
    reason: 'silent',
    silent: 3,
    total: 31
  });
});

test('untaken before taken, urgent before less urgent, new before old', () => {
  const alarms = [
    alarm('taken', 1, 'ACKED', '2026-11-23T12:00:00Z'),
    alarm('low', 4, 'UNACK', '2026-11-23T12:00:00Z'),
    alarm('old', 2, 'UNACK', '2026-11-23T10:00:00Z'),
    alarm('new', 2, 'RTNUN', '2026-11-23T11:00:00Z')
  ];
  expect(alarms.sort(byUrgency).map(({ id }) => id)).toEqual(['new', 'old', 'low', 'taken']);
});
