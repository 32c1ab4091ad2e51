import { expect, test } from 'vitest';
import { draftHref } from '../src/lib/balance/draft.ts';
import { amount, lacksFigures, lossShare, otherPairs, verdict } from '../src/lib/balance/words.ts';
import type { Balance, Suspicion } from '../src/lib/graphql/balance.ts';

const balance: Balance = {
  start: '2026-11-01T00:00:00Z',
  end: '2026-11-02T00:00:00Z',
  unit: 'kWh',
  quarters: 96,
  openQuarters: 0,
  value: '1000.000000',
  openValue: '0.000000',
  loss: '30.000000',
  open: '0.000000',
  transformer: '10.000000',
  metering: '20.000000',
  unmetered: '0.000000',
  uncertainty: '25.000000',
  within: true,
  derived: false,
  unclassed: [],
  parts: [],
  suspicions: []
};
const suspicion: Suspicion = {
  start: '2026-11-01T00:00:00Z',
  end: '2026-11-02T00:00:00Z',
  fault: 'RATIO',
  own: false,
  factor: 1.331,
  factorError: 0.002,
  explained: 0.97,
  missingShare: 0.033,
  quarters: 2486,
  since: '2026-02-28T16:00:00Z',
  profile: null,
  baseShare: null,
  node: { id: 'node_1', name: { en: 'Paint shop', zh: '涂装车间' } },
  meters: [],
  mixups: [
    { configured: '150/5', installed: '200/5' },
    { configured: '75/5', installed: '100/5' }
  ]
};
const tone = (change: Partial<Balance>) => verdict({ ...balance, ...change }).tone;

test('a loss is a share of what went in where every part is known', () => {
  expect(lossShare(balance)).toBe(0.03);
  expect(lossShare({ ...balance, openValue: '400.000000' })).toBe(0.05);
  expect(lossShare({ ...balance, openValue: '1000.000000' })).toBeNull();
});

test('what is not known is a dash with its reason and never a zero', () => {
  const part = {
    node: { id: 'node_2', name: { en: 'Press', zh: '冲压' } },
    value: null,
    open: null
  };
  const nothing = { ...balance, value: null, openValue: null, loss: null, openQuarters: 96 };
  expect(amount(null, 'kWh')).toBe('–');
  expect(lossShare(nothing)).toBeNull();
  expect(verdict({ ...nothing, derived: true }).text).toBe(verdict(nothing).text);
  expect(verdict(nothing).text).not.toBe(verdict({ ...balance, openQuarters: 96 }).text);
  expect(lacksFigures(nothing)).toBe(true);
  expect(lacksFigures({ ...balance, parts: [part] })).toBe(true);
  expect(lacksFigures(balance)).toBe(false);
});

test('what cannot be told is quiet, what classes explain is fine, the rest warns', () => {
  expect(tone({})).toBe('ok');
  expect(tone({ within: false })).toBe('warn');
  expect(tone({ within: null })).toBe('quiet');
  expect(tone({ openQuarters: 96 })).toBe('quiet');
  expect(tone({ derived: true, suspicions: [suspicion] })).toBe('quiet');
  expect(tone({ suspicions: [suspicion] })).toBe('warn');
});

test('the first pair is in the sentence, the others beside it; a phase has all beside it', () => {
  expect(otherPairs(suspicion)).toBe('75/5 → 100/5');
  expect(otherPairs({ ...suspicion, fault: 'PHASE' })).toBe('150/5 → 200/5, 75/5 → 100/5');
});

test('a wrong ratio of one meter leads to a filled restatement, nothing else does', () => {
  const meter = { id: 'mtr_1', name: { en: 'Feeder', zh: '馈线' } };
  const found = { ...suspicion, meters: [meter] };
  const href = draftHref(found, 'Asia/Shanghai', 'the balance says so', false) ?? '';
  expect(Object.fromEntries(new URL(href, 'http://x').searchParams)).toEqual({
    kind: 'ratio',
    meter: 'mtr_1',
    wrong_ct: '150/5',
    right_ct: '200/5',
    since: '2026-03-01T00:00',
    reason: 'the balance says so'
  });
  expect(draftHref(found, 'Asia/Shanghai', '', true)).toContain('until=2026-11-02T08');
  expect(draftHref({ ...found, since: null }, 'Asia/Shanghai', '', false)).not.toContain('since');
  for (const other of [
    { ...found, fault: 'PHASE' as const },
    { ...found, meters: [] },
    { ...found, meters: [meter, meter] },
    { ...found, mixups: [] }
  ])
    expect(draftHref(other, 'Asia/Shanghai', '', false)).toBeNull();
});
