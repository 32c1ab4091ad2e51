/** Instants as text, always in the plant's zone, whoever looks from wherever. */
export type TimeStyle =
  | 'time'
  | 'seconds'
  | 'hour'
  | 'day'
  | 'weekday'
  | 'weekdayname'
  | 'monthday'
  | 'month'
  | 'shortmonth'
  | 'year'
  | 'date'
  | 'full';

const STYLES: Record<TimeStyle, Intl.DateTimeFormatOptions> = {
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  seconds: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  hour: { hour: '2-digit', hourCycle: 'h23' },
  day: { day: 'numeric', month: 'short' },
  weekday: { weekday: 'short', day: 'numeric', month: 'short' },
  weekdayname: { weekday: 'short' },
  month: { month: 'long', year: 'numeric' },
  monthday: { day: 'numeric' },
  shortmonth: { month: 'short' },
  year: { year: 'numeric' },
  date: { day: 'numeric', month: 'short', year: 'numeric' },
  full: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
};

const cache = new Map<string, Intl.DateTimeFormat>();

/** English shows days before months and 24 hours, as in the plant. */
function languageOf(locale: string): string {
  return locale === 'en' ? 'en-GB' : locale;
}

export function formatTime(locale: string, zone: string, at: string, style: TimeStyle): string {
  const key = `${locale}|${zone}|${style}`;
  let found = cache.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(languageOf(locale), { ...STYLES[style], timeZone: zone });
    cache.set(key, found);
  }
  return found.format(new Date(at));
}

/** As `warmNumbers`; the zone does not matter. */
export function warmTimes(locale: string): void {
  formatTime(locale, 'UTC', '1970-01-01T00:00:00Z', 'full');
}

/** The business hour and day of an instant as the plant's clock shows them, for the heat map. */
export function clockParts(zone: string, at: string): { day: string; hour: number } {
  const key = `parts|${zone}`;
  let found = cache.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      hourCycle: 'h23'
    });
    cache.set(key, found);
  }
  const parts = Object.fromEntries(
    found.formatToParts(new Date(at)).map((part) => [part.type, part.value])
  );
  return { day: `${parts.year}-${parts.month}-${parts.day}`, hour: Number(parts.hour) };
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000]
];

/** "3 minutes ago"; below a minute "now" of the language. */
export function formatAge(locale: string, ageMs: number): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  for (const [unit, size] of STEPS) {
    if (ageMs >= size) return format.format(-Math.floor(ageMs / size), unit);
  }
  return format.format(0, 'second');
}
