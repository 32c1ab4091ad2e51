/** Points that tell a first value after a screen asked: a meter that was just commissioned. */
import type { LiveValue } from '../graphql/fragments.ts';

export function keyOf(device: string, key: string): string {
  return `${device} ${key}`;
}

/** How many of the told values are of points that are not shown; `mine` picks whose count. */
export function unshown(
  told: Iterable<LiveValue>,
  shown: readonly LiveValue[],
  mine: (value: LiveValue) => boolean
): number {
  const keys = new Set(shown.map((value) => keyOf(value.deviceId, value.key)));
  let count = 0;
  for (const value of told) {
    if (mine(value) && !keys.has(keyOf(value.deviceId, value.key))) count += 1;
  }
  return count;
}
