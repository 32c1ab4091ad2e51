/** What a project uses, beside what it may use. */
import type { Operated } from '../graphql/operating.ts';
import type { Key } from '../texts/catalogue.ts';

export interface UseRow {
  key: Key;
  used: number;
  /** Null: without a limit. */
  quota: number | null;
  digits: number;
  over: boolean;
}

/** Points of the day so far, as the mean of a second: what a quota of points a second is held to. */
export function useRows(project: Operated, now: Date = new Date()): UseRow[] {
  const { used, quota } = project;
  const seconds = (now.getTime() - now.setUTCHours(0, 0, 0, 0)) / 1000;
  const row = (key: Key, value: number, most: number, digits = 0, over = false): UseRow => ({
    key,
    used: value,
    quota: most || null,
    digits,
    over: over || (most > 0 && value > most)
  });
  const refused = Number(used.refused) > 0;
  return [
    row(
      'operator.points',
      Number(used.points) / Math.max(seconds, 1),
      quota.pointsPerS,
      1,
      refused
    ),
    row('operator.storage', Number(used.storedBytes) / 1e6, quota.storageMb, 1),
    row('operator.people', used.people, quota.people),
    row(
      'operator.messages',
      Number(used.messages),
      quota.messagesPerDay,
      0,
      Number(used.messagesRefused) > 0
    )
  ];
}
