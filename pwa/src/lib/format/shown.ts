/** Formatting bound to the reader's language and the open project's zone and currency. */
import { session } from '../state/session.svelte.ts';
import { language, t } from '../texts/language.svelte.ts';
import { formatDecimal, formatMoney, formatNumber, formatShare } from './numbers.ts';
import { formatAge, formatTime, type TimeStyle } from './times.ts';

export const DASH = '–';

/** The zone of the plant, never the viewer's. */
export function zone(): string {
  return session.project?.zone ?? 'UTC';
}

export function num(value: number | null | undefined, digits = 0): string {
  return value === null || value === undefined
    ? DASH
    : formatNumber(language.locale, value, digits);
}

export function dec(value: string | null | undefined, digits = 0, exponent = 0): string {
  return value === null || value === undefined
    ? DASH
    : formatDecimal(language.locale, value, digits, exponent);
}

/** kg of coal equivalent or CO2, shown in tonnes. */
export function tonnes(kilograms: string | null | undefined): string {
  return dec(kilograms, 2, -3);
}

/** m3 as it is printed, pieces in the reader's language; a ratio has no unit. */
export function unitText(unit: string | null | undefined): string {
  if (!unit || unit === '1') return '';
  if (unit === 'pcs') return t('unit.pcs');
  return unit.replace(/m3\b/g, 'm³').replace(/m2\b/g, 'm²').replace('degC', '°C');
}

/** Nothing at all was stored of this span; a span that is missing in part has a quantity. */
export function isAbsent(figures: { value: string; quality: string }): boolean {
  return figures.quality === 'MISSING' && Number(figures.value) === 0;
}

/** A quantity in its display unit; a missing one is never a zero. */
export function quantity(figures: { value: string; quality: string }, digits = 0): string {
  return isAbsent(figures) ? DASH : dec(figures.value, digits);
}

export function money(value: string | null | undefined, digits = 0): string {
  const currency = session.project?.currency ?? 'CNY';
  return value === null || value === undefined
    ? DASH
    : formatMoney(language.locale, value, currency, digits);
}

export function share(value: number, digits = 0): string {
  return formatShare(language.locale, value, digits);
}

export function when(at: string | null | undefined, style: TimeStyle = 'time'): string {
  return at ? formatTime(language.locale, zone(), at, style) : DASH;
}

export function age(milliseconds: number): string {
  return formatAge(language.locale, milliseconds);
}
