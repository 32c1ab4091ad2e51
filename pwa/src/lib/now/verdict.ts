/** The five-second answer: is everything all right, and if not, what is it. */
import type { Alarm } from '../graphql/alarms.ts';
import type { Summary } from '../graphql/summary.ts';
import { byUrgency, wantsAck } from '../alarm/order.ts';

export type Verdict =
  | { level: 'unknown'; reason: 'stale' }
  | { level: 'crit' | 'warn'; reason: 'demand'; minutes: number | null }
  | { level: 'crit' | 'warn'; reason: 'alarm'; alarm: Alarm | null; count: number }
  | { level: 'warn'; reason: 'silent'; silent: number; total: number }
  | { level: 'ok'; reason: 'ok' };

const URGENT = 2;

function demandVerdict(demand: Summary['demand']): Verdict | null {
  if (!demand) return null;
  if (demand.minutesToLimit === null && demand.forecastKw <= demand.limitKw) return null;
  return { level: 'crit', reason: 'demand', minutes: demand.minutesToLimit };
}

function alarmVerdict(open: Alarm[], count: number): Verdict | null {
  if (count === 0) return null;
  const first = [...open].sort(byUrgency)[0] ?? null;
  const urgent = first !== null && wantsAck(first) && first.priority <= URGENT;
  return { level: urgent ? 'crit' : 'warn', reason: 'alarm', alarm: first, count };
}

/** `stale`: what is shown is older than people may rely on. */
export function judge(summary: Summary, open: Alarm[], stale: boolean): Verdict {
  if (stale || summary.powerKw === null) return { level: 'unknown', reason: 'stale' };
  const silent = summary.metersTotal - summary.metersLive;
  return (
    demandVerdict(summary.demand) ??
    alarmVerdict(open, summary.openAlarms) ??
    (silent > 0
      ? { level: 'warn', reason: 'silent', silent, total: summary.metersTotal }
      : { level: 'ok', reason: 'ok' })
  );
}
