import { expect, test } from 'vitest';
import { byTrouble, daysUntil, troubles } from '../src/lib/gateways/trouble.ts';
import type { Gateway } from '../src/lib/graphql/gateways.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const line = {
  name: 'modbus',
  devices: 2,
  alive: 2,
  connected: true,
  busyPercent: 12,
  late: 0,
  failed: 0
};
const health = {
  devices: 2,
  devicesAlive: 2,
  configInForce: true,
  configState: 'APPLIED',
  lines: [line]
};
type Change = Omit<Partial<Gateway>, 'health'> & { health?: object | null };

function gateway(slug: string, { health: more, ...change }: Change = {}): Gateway {
  return {
    id: slug,
    slug,
    online: true,
    clockOffsetMs: 40,
    droppedTotal: '0',
    certificateUntil: null,
    health: more === null ? null : { ...health, ...more },
    ...change
  } as unknown as Gateway;
}
const whats = (change: Change) => troubles(gateway('g', change), NOW).map(({ what }) => what);

test('a gateway that does all it should has no trouble', () => {
  expect(troubles(gateway('g'), NOW)).toEqual([]);
  expect(whats({ health: null })).toEqual([]);
});

test('a clock is off beyond two seconds, before or behind', () => {
  expect(whats({ clockOffsetMs: 2000 })).toEqual([]);
  expect(whats({ clockOffsetMs: -2001 })).toEqual(['clock']);
});

test('a certificate warns from 30 days on and is critical when it is over', () => {
  expect(daysUntil('2026-12-23T10:00:00Z', NOW)).toBe(30);
  expect(whats({ certificateUntil: '2026-12-24T10:00:00Z' })).toEqual([]);
  expect(whats({ certificateUntil: '2026-12-23T10:00:00Z' })).toEqual(['certificate_soon']);
  expect(whats({ certificateUntil: '2026-11-23T10:00:00Z' })).toEqual(['certificate_over']);
});

test('lines count only while the gateway speaks', () => {
  const bad = { devicesAlive: 1, lines: [{ ...line, connected: false, busyPercent: 90 }] };
  expect(whats({ health: bad })).toEqual(['line_down', 'line_full', 'devices_silent']);
  expect(whats({ online: false, health: bad })).toEqual(['not_connected']);
});

test('a gateway that nobody has let in yet is to be commissioned, not to be repaired', () => {
  expect(whats({ online: false, lastSeenAt: null })).toEqual(['never_connected']);
  expect(whats({ online: false, lastSeenAt: '2026-11-23T09:00:00Z' })).toEqual(['not_connected']);
});

test('a configuration waits, or was refused; without a wish there is nothing to wait for', () => {
  expect(whats({ health: { configInForce: null } })).toEqual([]);
  expect(whats({ health: { configInForce: false, configState: 'SENT' } })).toEqual([
    'config_waits'
  ]);
  for (const configState of ['REFUSED', 'ROLLED_BACK']) {
    expect(whats({ health: { configInForce: false, configState } })).toEqual(['config_refused']);
  }
});

test('data of the month: a limit warns by what is used or forecast, and is critical when used up', () => {
  const data = (dataBytes: string, dataForecast: string, dataBudget: string) =>
    whats({ health: { dataBytes, dataForecast, dataBudget } });
  expect(data('900', '9000', '0')).toEqual([]);
  expect(data('100', '799', '1000')).toEqual([]);
  expect(data('100', '800', '1000')).toEqual(['data_soon']);
  expect(data('1000', '1000', '1000')).toEqual(['data_over']);
});

test('the fleet: what is critical before what warns, more before less, then by name', () => {
  const fleet = [
    gateway('well-b'),
    gateway('warned', { clockOffsetMs: 9000, health: { devicesAlive: 1 } }),
    gateway('well-a'),
    gateway('dropped', { droppedTotal: '12' }),
    gateway('worst', { online: false, droppedTotal: '3' })
  ];
  expect(byTrouble(fleet, NOW).map(({ slug }) => slug)).toEqual([
    'worst',
    'dropped',
    'warned',
    'well-a',
    'well-b'
  ]);
});
