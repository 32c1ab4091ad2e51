import { expect, test } from 'vitest';
import { decimals, refusal, toneOf } from '../src/lib/devices/allowed.ts';
import { merged } from '../src/lib/devices/commands.svelte.ts';
import { answerLines, askedText } from '../src/lib/gateways/support.ts';
import type { Command } from '../src/lib/graphql/devices.ts';
import type { ProfilesPage } from '../src/lib/graphql/profiles.ts';
import { nameIn, usersOf } from '../src/lib/profiles/users.ts';

const point = { key: 'cutoff', unit: 'm3/h', low: 0.1, high: 50, step: 0.1 };

test('a value is a number, in range, and on a step from the lowest, floats or not', () => {
  expect(refusal(point, null)).toBe('number');
  expect(refusal(point, Number.NaN)).toBe('number');
  expect(refusal(point, 50.1)).toBe('range');
  expect(refusal(point, 0)).toBe('range');
  expect(refusal(point, 0.35)).toBe('step');
  expect(refusal(point, 0.3)).toBe(null);
  expect(refusal(point, 50)).toBe(null);
  expect(refusal({ ...point, step: null }, 0.35)).toBe(null);
});

test('as many decimals as a step has', () => {
  expect(decimals(point)).toBe(1);
  expect(decimals({ ...point, step: 5 })).toBe(0);
  expect(decimals({ ...point, step: null })).toBe(2);
});

test('only what was read back is well; written alone is a warning', () => {
  expect(toneOf('VERIFIED')).toBe('ok');
  expect(toneOf('WRITTEN')).toBe('warn');
  expect(['REJECTED', 'EXPIRED', 'FAILED'].map((one) => toneOf(one as Command['state']))).toEqual([
    'crit',
    'crit',
    'crit'
  ]);
  expect(toneOf('ACCEPTED')).toBe('open');
});

test('commands: newest first, each once, and a finished one stays finished', () => {
  const one = (id: string, createdAt: string, state: string, finishedAt: string | null) =>
    ({ id, createdAt, state, finishedAt }) as Command;
  const done = one('a', '2026-11-23T10:00:00Z', 'VERIFIED', '2026-11-23T10:00:02Z');
  const list = merged(
    [done, one('b', '2026-11-23T09:00:00Z', 'SENT', null)],
    [
      one('a', '2026-11-23T10:00:00Z', 'SENT', null),
      one('b', '2026-11-23T09:00:00Z', 'ACCEPTED', null),
      one('c', '2026-11-23T11:00:00Z', 'WAITING', null)
    ]
  );
  expect(list.map(({ id, state }) => [id, state])).toEqual([
    ['c', 'WAITING'],
    ['a', 'VERIFIED'],
    ['b', 'ACCEPTED']
  ]);
});

test('a profile is named by its own text, else by nobody', () => {
  expect(nameIn('maker: Acme Instruments\ntype: "X 7"\n')).toBe('acme-instruments/x-7');
  expect(nameIn('maker: acme\n')).toBe('');
});

test('gateways use a profile by their devices', () => {
  const page = {
    gateways: [{ id: 'g1' }, { id: 'g2' }],
    devices: [
      { gatewayId: 'g1', profile: 'a/b' },
      { gatewayId: 'g1', profile: 'a/b' },
      { gatewayId: 'g2', profile: 'a/c' }
    ]
  } as unknown as ProfilesPage;
  expect(usersOf(page, 'a/b')).toEqual([{ gateway: { id: 'g1' }, devices: 2 }]);
  expect(usersOf(page, 'a/d')).toEqual([]);
});

test('answers of support are lines of text', () => {
  expect(askedText({ device: 'incomer-1', point: 'p' })).toBe('incomer-1 p');
  expect(answerLines(null)).toEqual([]);
  expect(answerLines({ values: { p: 1234.5, u: null }, detail: '' })).toEqual([
    'p = 1234.5',
    'u = null'
  ]);
  expect(answerLines({ values: [], lines: [], detail: '' })).toEqual([]);
  expect(answerLines({ values: [1, 2], lines: ['a', 'b'] })).toEqual(['1 2', 'a', 'b']);
});
