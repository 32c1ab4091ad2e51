/** Which alarms are open, and in which order people should see them. */
import type { Alarm } from '../graphql/alarms.ts';

export function isOpen(alarm: Pick<Alarm, 'state'>): boolean {
  return alarm.state !== 'NORM';
}

/** Nobody has taken it yet. */
export function wantsAck(alarm: Pick<Alarm, 'state'>): boolean {
  return alarm.state === 'UNACK' || alarm.state === 'RTNUN';
}

/** Untaken before taken, urgent before less urgent, new before old. */
export function byUrgency(first: Alarm, second: Alarm): number {
  return (
    Number(wantsAck(second)) - Number(wantsAck(first)) ||
    first.priority - second.priority ||
    second.raisedAt.localeCompare(first.raisedAt)
  );
}

export function newestFirst(first: Alarm, second: Alarm): number {
  return second.raisedAt.localeCompare(first.raisedAt);
}
