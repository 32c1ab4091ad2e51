/** What does not stay on a device: when somebody signs out, and when it is shared no longer. */
import { database } from './database.ts';

/** Everything of the person who signs out; their language stays, and taps on a shared device. */
export async function forget(): Promise<void> {
  const db = await database();
  const own = (await db.getAll('outbox')).filter((entry) => entry.tap === undefined);
  await Promise.all([
    db.clear('snapshot'),
    ...own.map((entry) => db.delete('outbox', entry.alarm)),
    db.delete('setting', 'project')
  ]);
  // From now on nobody holds it: what is tapped in a notification is nobody's.
  if ((await db.get('setting', 'tap')) !== undefined) await db.put('setting', '', 'tap');
}

/** Somebody signs in on it as on a device of their own. */
export async function unshare(): Promise<void> {
  await (await database()).delete('setting', 'tap');
}
