/** The last picture of a screen, saved at every change, shown with its age when offline. */
import { database } from './database.ts';

export interface Snapshot<T> {
  data: T;
  savedAt: number;
}

export async function saveSnapshot(name: string, data: unknown, now: number): Promise<void> {
  await (await database()).put('snapshot', { data: plain(data), savedAt: now }, name);
}

/** Undefined when there is none, or when the browser gives no storage (private windows). */
export async function loadSnapshot<T>(name: string): Promise<Snapshot<T> | undefined> {
  try {
    return (await (await database()).get('snapshot', name)) as Snapshot<T> | undefined;
  } catch {
    return undefined;
  }
}

/** Reactive proxies cannot be cloned into the database; the data is JSON anyway. */
function plain(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data));
}
