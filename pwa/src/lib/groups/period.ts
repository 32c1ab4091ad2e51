/** Days, months and years as dates without a zone: each plant has its own. */
export type GroupPeriod = 'DAY' | 'MONTH' | 'YEAR';

/** The first day of the period before the running one, as `2026-02-01`. */
export function lastOver(period: GroupPeriod, now: Date): string {
  return moved(period, now.toISOString().slice(0, 10), -1);
}

/** The first day of the period so many later, of the one that holds `day`. */
export function moved(period: GroupPeriod, day: string, by: number): string {
  const [year = 1970, month = 1, date = 1] = day.split('-').map(Number);
  const at = {
    DAY: () => Date.UTC(year, month - 1, date + by),
    MONTH: () => Date.UTC(year, month - 1 + by, 1),
    YEAR: () => Date.UTC(year + by, 0, 1)
  };
  return new Date(at[period]()).toISOString().slice(0, 10);
}

/** By which share something changed: 0.1 is a tenth more; null without a base. */
export function change(now: string | null, before: string | null): number | null {
  if (now === null || before === null || Number(before) <= 0) return null;
  return Number(now) / Number(before) - 1;
}

/** A day inside the period of every plant that is called so, wherever its months begin. */
export function within(period: GroupPeriod, day: string): string {
  return period === 'DAY' ? day : `${day.slice(0, 8)}15`;
}

/** The slots of the curve beside a period: a month of days, or 13 months up to the last begun. */
export function slotsBeside(period: GroupPeriod, day: string, today: string) {
  if (period === 'DAY') return { period, last: day, count: 31 } as const;
  const end = period === 'YEAR' ? moved('MONTH', day, 11) : day;
  const last = within('MONTH', end <= today ? end : today);
  return { period: 'MONTH', last, count: 13 } as const;
}
