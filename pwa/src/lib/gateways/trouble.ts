/** What is wrong with a gateway, worst first, and the order of a fleet: trouble on top. */
import type { Gateway } from '../graphql/gateways.ts';

export type Level = 'crit' | 'warn';
export type What =
  | 'not_connected'
  | 'never_connected'
  | 'certificate_over'
  | 'certificate_soon'
  | 'dropped'
  | 'config_refused'
  | 'config_waits'
  | 'line_down'
  | 'line_full'
  | 'devices_silent'
  | 'data_over'
  | 'data_soon'
  | 'clock';

export interface Trouble {
  what: What;
  level: Level;
}

export const CLOCK_LIMIT_MS = 2000;
export const CERTIFICATE_DAYS = 30;
export const BUSY_PERCENT = 90;
export const DATA_PERCENT = 80;
const DAY_MS = 86_400_000;

/** Whole days until an instant; negative when it is over. */
export function daysUntil(at: string, now: number): number {
  return Math.floor((Date.parse(at) - now) / DAY_MS);
}

/** Everything wrong with a gateway at `now` (ms), critical before warning. */
export function troubles(gateway: Gateway, now: number): Trouble[] {
  const found = [
    ...connection(gateway),
    ...certificate(gateway.certificateUntil, now),
    ...(gateway.droppedTotal === '0' ? [] : [crit('dropped')]),
    ...configuration(gateway.health),
    ...lines(gateway),
    ...budget(gateway.health),
    ...(Math.abs(gateway.clockOffsetMs ?? 0) > CLOCK_LIMIT_MS ? [warn('clock')] : [])
  ];
  return found.sort((one, other) => rank(one) - rank(other));
}

/** Most critical first, then most warnings, then by name. */
export function byTrouble(gateways: readonly Gateway[], now: number): Gateway[] {
  const weight = new Map(gateways.map((one) => [one.id, weigh(troubles(one, now))]));
  return [...gateways].sort(
    (one, other) =>
      (weight.get(other.id) ?? 0) - (weight.get(one.id) ?? 0) || one.slug.localeCompare(other.slug)
  );
}

function weigh(found: Trouble[]): number {
  return found.reduce((sum, { level }) => sum + (level === 'crit' ? 100 : 1), 0);
}

/** One that nobody has let in yet is to be commissioned, not to be repaired. */
function connection({ online, lastSeenAt }: Gateway): Trouble[] {
  if (online) return [];
  return lastSeenAt === null ? [warn('never_connected')] : [crit('not_connected')];
}

function certificate(until: string | null, now: number): Trouble[] {
  if (!until) return [];
  if (Date.parse(until) <= now) return [crit('certificate_over')];
  return daysUntil(until, now) <= CERTIFICATE_DAYS ? [warn('certificate_soon')] : [];
}

function configuration(health: Gateway['health']): Trouble[] {
  if (health?.configInForce !== false) return [];
  const refused = health.configState === 'REFUSED' || health.configState === 'ROLLED_BACK';
  return [refused ? crit('config_refused') : warn('config_waits')];
}

/** Warns from 80 % of the month's data on, used or forecast; critical when all is used. */
function budget(health: Gateway['health']): Trouble[] {
  const most = Number(health?.dataBudget ?? 0);
  if (most <= 0) return [];
  const used = Number(health?.dataBytes ?? 0);
  if (used >= most) return [crit('data_over')];
  const share = Math.max(used, Number(health?.dataForecast ?? 0)) / most;
  return share * 100 >= DATA_PERCENT ? [warn('data_soon')] : [];
}

/** What lines say counts only while the gateway speaks. */
function lines(gateway: Gateway): Trouble[] {
  const health = gateway.health;
  if (!gateway.online || !health) return [];
  return [
    ...(health.lines.some((line) => !line.connected) ? [crit('line_down')] : []),
    ...(health.lines.some((line) => (line.busyPercent ?? 0) >= BUSY_PERCENT)
      ? [warn('line_full')]
      : []),
    ...(health.devicesAlive < health.devices ? [warn('devices_silent')] : [])
  ];
}

const crit = (what: What): Trouble => ({ what, level: 'crit' });
const warn = (what: What): Trouble => ({ what, level: 'warn' });
const rank = ({ level }: Trouble) => (level === 'crit' ? 0 : 1);
