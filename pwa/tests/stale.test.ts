import { afterEach, expect, test, vi } from 'vitest';
import { closeStale } from '../src/lib/alarm/stale.ts';

afterEach(() => vi.unstubAllGlobals());

test('closes what somebody has taken or what is over, and nothing else', async () => {
  const closed: string[] = [];
  const tags = ['alarm-alm_1', 'alarm-alm_2', 'alarm-alm_3', 'alarm-alm_4', 'taken-alm_1', 'test'];
  const notifications = tags.map((tag) => ({ tag, close: () => closed.push(tag) }));
  const registration = { getNotifications: async () => notifications };
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => registration } });
  await closeStale(
    new Map([
      ['alm_1', { state: 'ACKED' as const }],
      ['alm_2', { state: 'NORM' as const }],
      ['alm_3', { state: 'RTNUN' as const }]
    ])
  );
  expect(closed).toEqual(['alarm-alm_1', 'alarm-alm_2']);
});
