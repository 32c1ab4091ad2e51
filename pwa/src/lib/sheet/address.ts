/** Where the reading sheet of a figure is. */
export type SheetPeriod = 'DAY' | 'MONTH' | 'YEAR';

export function sheetOf(
  scope: string,
  period: SheetPeriod,
  at: string,
  energy: string | null = null
): string {
  const query = new URLSearchParams({ period, at });
  if (energy) query.set('energy', energy);
  return `/sheets/${scope}?${query}`;
}
