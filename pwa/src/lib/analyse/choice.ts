/** What the analysis shows: place, energy, measure and span; periods are the server's calendar. */
import { periodsQuery, placesQuery, rankingQuery, seriesQuery } from '../graphql/analyse.ts';
import type { CalendarPeriod, Place, RankingRow } from '../graphql/analyse.ts';
import type { Series } from '../graphql/fragments.ts';
import { AppError, present } from '../net/errors.ts';
import { request } from '../net/request.ts';

export type Span = 'day' | 'month' | 'year';
export type Measure = 'QUANTITY' | 'COST' | 'KGCE' | 'KGCO2';
type Period = 'QUARTER' | 'HOUR' | 'DAY' | 'MONTH' | 'YEAR';

const DAY_MS = 86_400_000;

/** How far back the list of periods goes, and what one bar of it is. */
export const SPANS: Record<Span, { whole: Period; step: Period; backMs: number }> = {
  day: { whole: 'DAY', step: 'QUARTER', backMs: 45 * DAY_MS },
  month: { whole: 'MONTH', step: 'DAY', backMs: 400 * DAY_MS },
  year: { whole: 'YEAR', step: 'MONTH', backMs: 4 * 366 * DAY_MS }
};

export interface Chosen {
  project: string;
  scope: string;
  energy: string;
  measure: Measure;
  span: Span;
  /** A year hour by hour instead of month by month. */
  hourly: boolean;
}

export interface Picture {
  series: Series;
  /** The whole period as the server accounts it; null when it has none. */
  total: number | null;
  previous: Series | null;
  previousTotal: number | null;
}

export async function places(project: string): Promise<Place[]> {
  const found = present((await request(placesQuery, { project })).project);
  return found.nodes;
}

/** Oldest first; the last one holds `now`. */
export async function periodsOf(
  project: string,
  span: Span,
  now: number
): Promise<CalendarPeriod[]> {
  const { whole, backMs } = SPANS[span];
  const found = await request(periodsQuery, {
    project,
    period: whole,
    start: new Date(now - backMs).toISOString(),
    end: new Date(now).toISOString()
  });
  const begun = (found.project?.periods ?? []).filter((one) => Date.parse(one.start) <= now);
  if (begun.length === 0) throw new AppError('not_found');
  return begun;
}

async function seriesIn(chosen: Chosen, period: CalendarPeriod, step: Period) {
  const { project, scope, energy, measure, span } = chosen;
  const { start, end } = period;
  const whole = SPANS[span].whole;
  const variables = { project, scope, energy, measure, period: step, whole, start, end };
  const found = present((await request(seriesQuery, variables)).project);
  return { series: found.series, total: found.total.values[0] ?? null };
}

export async function picture(
  chosen: Chosen,
  period: CalendarPeriod,
  before: CalendarPeriod | undefined
): Promise<Picture> {
  const step = chosen.span === 'year' && chosen.hourly ? 'HOUR' : SPANS[chosen.span].step;
  const [now, then] = await Promise.all([
    seriesIn(chosen, period, step),
    before ? seriesIn(chosen, before, step) : null
  ]);
  return { ...now, previous: then?.series ?? null, previousTotal: then?.total ?? null };
}

/** Every hour of the period, for the heat map. */
export async function hours(chosen: Chosen, period: CalendarPeriod): Promise<Series> {
  return (await seriesIn(chosen, period, 'HOUR')).series;
}

export async function ranking(chosen: Chosen, period: CalendarPeriod): Promise<RankingRow[]> {
  const found = await request(rankingQuery, {
    project: chosen.project,
    parent: chosen.scope,
    energy: chosen.energy,
    period: SPANS[chosen.span].whole,
    at: period.start
  });
  return found.project?.ranking ?? [];
}
