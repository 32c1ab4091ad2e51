/** Notifications that ask for what somebody has already done. */
import type { Alarm } from '../graphql/alarms.ts';
import { wantsAck } from './order.ts';

/** Closes the notification of every alarm that nobody needs to take any more. */
export async function closeStale(known: ReadonlyMap<string, Pick<Alarm, 'state'>>): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.getRegistration();
  for (const notification of (await registration?.getNotifications()) ?? []) {
    const alarm = known.get(notification.tag.replace(/^alarm-/, ''));
    if (alarm && !wantsAck(alarm)) notification.close();
  }
}
