/** What may be asked of a writable point; the gateway judges again by its profile. */
import type { Command, WritablePoint } from '../graphql/devices.ts';

export type Refusal = 'number' | 'range' | 'step';
export type Tone = 'ok' | 'warn' | 'crit' | 'open';

/** Relative to a step: what floats lose, and no more. */
const CLOSE = 1e-6;

/** Why the gateway would refuse a value; null when it would not. */
export function refusal(point: WritablePoint, value: number | null | undefined): Refusal | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return 'number';
  if (value < point.low || value > point.high) return 'range';
  if (!point.step) return null;
  const steps = (value - point.low) / point.step;
  return Math.abs(steps - Math.round(steps)) > CLOSE ? 'step' : null;
}

/** Decimals that show every step; without one as many as a gauge has. */
export function decimals(point: WritablePoint): number {
  if (!point.step) return 2;
  const [, part = ''] = String(point.step).split('.');
  return Math.min(part.length, 6);
}

export function toneOf(state: Command['state']): Tone {
  if (state === 'VERIFIED') return 'ok';
  if (state === 'WRITTEN') return 'warn';
  return ['REJECTED', 'EXPIRED', 'FAILED'].includes(state) ? 'crit' : 'open';
}
