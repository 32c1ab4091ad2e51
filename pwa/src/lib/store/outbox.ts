/**
 * Acknowledgements on their way: kept until the server has answered, claimed before they are sent,
 * so that page and service worker never send the same one at the same time; both use its key.
 */
import type { AcknowledgeInput, AcknowledgePayload } from '../graphql/acknowledge.ts';
import { asAppError } from '../net/errors.ts';
import { database, recall, type Pending } from './database.ts';

const CLAIM_MS = 20_000;

export type Acknowledgement = Omit<Pending, 'claimedUntil' | 'tap'>;
export type Send = (input: AcknowledgeInput) => Promise<Pick<AcknowledgePayload, 'result'>>;
export interface Flushed {
  alarm: string;
  /** The server's answer, or the code with which it refused for good. */
  result: AcknowledgePayload['result'] | null;
  code: string | null;
}

/** Keeps the first tap on an alarm, with who held the device: a second one does not count. */
export async function enqueue(pending: Acknowledgement): Promise<void> {
  const held = await recall('tap');
  const tap = held === undefined ? undefined : String(held);
  const transaction = (await database()).transaction('outbox', 'readwrite');
  if (!(await transaction.store.get(pending.alarm))) {
    await transaction.store.put({ ...pending, tap, claimedUntil: 0 });
  }
  await transaction.done;
}

export async function pendingAlarms(): Promise<string[]> {
  return (await database()).getAllKeys('outbox');
}

/** Takes the next unclaimed entry in one transaction: whoever comes second gets nothing. */
async function claim(now: number, skip: ReadonlySet<string>): Promise<Pending | undefined> {
  const transaction = (await database()).transaction('outbox', 'readwrite');
  let taken: Pending | undefined;
  for (const entry of await transaction.store.getAll()) {
    if (taken || entry.claimedUntil > now || skip.has(entry.alarm)) continue;
    taken = { ...entry, claimedUntil: now + CLAIM_MS };
    await transaction.store.put(taken);
  }
  await transaction.done;
  return taken;
}

async function release(entry: Pending): Promise<void> {
  await (await database()).put('outbox', { ...entry, claimedUntil: 0 });
}

async function remove(entry: Pending): Promise<void> {
  await (await database()).delete('outbox', entry.alarm);
}

function inputOf(entry: Pending): AcknowledgeInput {
  const { project, alarm, key, deviceTime, offsetMs, channel, tap = null } = entry;
  return { project, alarm, key, deviceTime, offsetMs, channel, tap };
}

/** Sends what waits, oldest claim first; stops when the server cannot be reached. */
export async function flush(send: Send, now: () => number): Promise<Flushed[]> {
  const flushed: Flushed[] = [];
  const tried = new Set<string>();
  for (let entry = await claim(now(), tried); entry; entry = await claim(now(), tried)) {
    tried.add(entry.alarm);
    try {
      const { result } = await send(inputOf(entry));
      flushed.push({ alarm: entry.alarm, result, code: null });
      await remove(entry);
    } catch (cause) {
      const error = asAppError(cause);
      if (error.passing) {
        await release(entry);
        break;
      }
      flushed.push({ alarm: entry.alarm, result: null, code: error.code });
      await remove(entry);
    }
  }
  return flushed;
}
