/** Spans of days and shifts in words. */
import { formatTime, type TimeStyle } from '../format/times.ts';
import { language, t, tNamed } from '../texts/language.svelte.ts';

/** A day without a clock, the same in every zone. */
export function dayText(day: string, style: TimeStyle): string {
  return formatTime(language.locale, 'UTC', `${day}T12:00:00Z`, style);
}

const day = (one: string): string => dayText(one, 'day');

export function spanText(first: string, last: string): string {
  return first === last ? day(first) : `${day(first)} – ${day(last)}`;
}

/** Shifts that ship are named by a code, people's own by what they wrote. */
export function shiftName(shift: string): string {
  return shift ? tNamed(`calendar.shift.${shift}`, {}, shift) : t('calendar.shift.off');
}

export function slotsText(slots: { name: string; start: string; end: string }[]): string {
  return slots.map((one) => `${shiftName(one.name)} ${one.start}–${one.end}`).join(' · ');
}
