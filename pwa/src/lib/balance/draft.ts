/** The restatement that a suspicion asks for, as the address of its filled form. */
import type { Suspicion } from '../graphql/balance.ts';
import { byPlantClock } from '../restatement/fields.ts';

/**
 * Of one meter with a wrong ratio: the likeliest pair from the first wrong day on, and to the end
 * of the months that show it where it has `ended`; else null.
 */
export function draftHref(
  found: Suspicion,
  zone: string,
  reason: string,
  ended: boolean
): string | null {
  const [meter, other] = found.meters;
  const [pair] = found.mixups;
  if (found.fault !== 'RATIO' || !meter || other || !pair) return null;
  const filled = new URLSearchParams({
    kind: 'ratio',
    meter: meter.id,
    wrong_ct: pair.configured,
    right_ct: pair.installed,
    reason
  });
  if (found.since) filled.set('since', byPlantClock(zone, found.since));
  if (ended) filled.set('until', byPlantClock(zone, found.end));
  return `/restatements/new?${filled}`;
}
