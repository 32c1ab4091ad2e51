import 'fake-indexeddb/auto';
import { beforeEach, expect, test } from 'vitest';
import { AppError } from '../src/lib/net/errors.ts';
import { remember } from '../src/lib/store/database.ts';
import { forget, unshare } from '../src/lib/store/forget.ts';
import { enqueue, flush, pendingAlarms, type Send } from '../src/lib/store/outbox.ts';
import { loadSnapshot, saveSnapshot } from '../src/lib/store/snapshot.ts';

const NOW = 1_000_000;
const tap = (alarm: string, key: string) => ({
  alarm,
  key,
  project: 'prj_1',
  deviceTime: '2026-11-23T12:00:00.000Z',
  offsetMs: 40,
  channel: 'app'
});

beforeEach(async () => {
  await unshare();
  await forget();
});

test('page and worker flush at once: each acknowledgement is sent once, with its key', async () => {
  await enqueue(tap('alm_1', 'key-1'));
  await enqueue(tap('alm_2', 'key-2'));
  const sent: string[] = [];
  const send: Send = async (input) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    sent.push(input.key);
    return { result: 'FIRST' };
  };
  const both = await Promise.all([flush(send, () => NOW), flush(send, () => NOW)]);
  expect(sent.sort()).toEqual(['key-1', 'key-2']);
  expect(
    both
      .flat()
      .map((one) => one.alarm)
      .sort()
  ).toEqual(['alm_1', 'alm_2']);
  expect(await pendingAlarms()).toEqual([]);
});

test('a second tap on the same alarm keeps the first time and key', async () => {
  await enqueue(tap('alm_1', 'first'));
  await enqueue({ ...tap('alm_1', 'second'), deviceTime: '2026-11-23T12:05:00.000Z' });
  const keys: string[] = [];
  await flush(
    async (input) => {
      keys.push(input.key);
      return { result: 'FIRST' };
    },
    () => NOW
  );
  expect(keys).toEqual(['first']);
});

test('offline it stays and can be sent at once when the network is back', async () => {
  await enqueue(tap('alm_1', 'key-1'));
  const offline: Send = () => Promise.reject(new AppError('offline'));
  expect(await flush(offline, () => NOW)).toEqual([]);
  expect(await pendingAlarms()).toEqual(['alm_1']);
  expect(
    await flush(
      async () => ({ result: 'LATER' }),
      () => NOW
    )
  ).toEqual([{ alarm: 'alm_1', result: 'LATER', code: null }]);
});

test('what the server refuses for good leaves the outbox and says why', async () => {
  await enqueue(tap('alm_1', 'key-1'));
  const refuse: Send = () => Promise.reject(new AppError('not_found'));
  expect(await flush(refuse, () => NOW)).toEqual([
    { alarm: 'alm_1', result: null, code: 'not_found' }
  ]);
  expect(await pendingAlarms()).toEqual([]);
});

test('a claim of a sender that died is free again after its time', async () => {
  await enqueue(tap('alm_1', 'key-1'));
  void flush(
    () => new Promise(() => undefined),
    () => NOW
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  const send: Send = async () => ({ result: 'FIRST' });
  expect(await flush(send, () => NOW + 19_999)).toEqual([]);
  expect(await flush(send, () => NOW + 20_000)).toHaveLength(1);
});

test('a snapshot comes back with its time, and is gone after signing out', async () => {
  await saveSnapshot('summary', { powerKw: 2847.5, list: [1, null] }, NOW);
  expect(await loadSnapshot('summary')).toEqual({
    data: { powerKw: 2847.5, list: [1, null] },
    savedAt: NOW
  });
  await forget();
  expect(await loadSnapshot('summary')).toBeUndefined();
});

test('on a shared device a tap keeps who held it, whoever holds it when it is sent', async () => {
  await remember('tap', 'of Ben');
  await enqueue(tap('alm_1', 'key-1'));
  await forget();
  await enqueue(tap('alm_2', 'key-2'));
  await remember('tap', 'of Ann');
  await enqueue(tap('alm_3', 'key-3'));
  const taps: unknown[] = [];
  await flush(
    async (input) => {
      taps.push([input.key, input.tap]);
      return { result: 'FIRST' };
    },
    () => NOW
  );
  expect(taps).toEqual([
    ['key-1', 'of Ben'],
    ['key-2', ''],
    ['key-3', 'of Ann']
  ]);
});

test('on a device of their own nothing stays of who signs out', async () => {
  await enqueue(tap('alm_1', 'key-1'));
  await forget();
  expect(await pendingAlarms()).toEqual([]);
});
