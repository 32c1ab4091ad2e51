/** From when a change may hold: the next quarter hour, the running day, or one that comes. */
import { clock } from '../state/clock.svelte.ts';

const DAY_MS = 86_400_000;
const AHEAD_DAYS = 14;

/** The span whose days are offered; the server knows where they begin. */
export function daysAhead(): { start: string; end: string } {
  const now = Date.now() - clock.offsetMs;
  return {
    start: new Date(now).toISOString(),
    end: new Date(now + AHEAD_DAYS * DAY_MS).toISOString()
  };
}

/** The day that holds now, as a span of an instant: the server widens it to whole periods. */
export function thisMoment(): { start: string; end: string } {
  const now = Date.now() - clock.offsetMs;
  return { start: new Date(now).toISOString(), end: new Date(now + 1000).toISOString() };
}

/** 1970: since always. */
export function isAlways(at: string): boolean {
  return Date.parse(at) <= 0;
}
