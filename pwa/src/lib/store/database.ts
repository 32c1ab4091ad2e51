/** What stays on the device: the last picture of each screen, acknowledgements to send, settings. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

export interface Pending {
  /** The alarm's id: one acknowledgement an alarm and device. */
  alarm: string;
  project: string;
  /** The idempotency key that page and worker both send. */
  key: string;
  deviceTime: string;
  offsetMs: number;
  channel: string;
  /** On a shared device, the secret of who held it at the tap; empty when nobody did. */
  tap?: string;
  /** Until when (device ms) one sender holds it. */
  claimedUntil: number;
}

interface Schema extends DBSchema {
  snapshot: { key: string; value: { data: unknown; savedAt: number } };
  outbox: { key: string; value: Pending };
  setting: { key: string; value: string | number };
}

export type Database = IDBPDatabase<Schema>;

let opened: Promise<Database> | undefined;

export function database(): Promise<Database> {
  opened ??= openDB<Schema>('kilowise', 1, {
    upgrade(db) {
      db.createObjectStore('snapshot');
      db.createObjectStore('outbox', { keyPath: 'alarm' });
      db.createObjectStore('setting');
    },
    terminated() {
      opened = undefined;
    }
  });
  return opened;
}

/** Settings that the service worker needs while no page is open. */
export async function remember(name: string, value: string | number): Promise<void> {
  await (await database()).put('setting', value, name);
}

export async function recall(name: string): Promise<string | number | undefined> {
  return (await database()).get('setting', name);
}
