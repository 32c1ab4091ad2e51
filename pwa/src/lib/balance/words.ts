/** The sentences of a balance: what is lost and why, and who is suspected, with the numbers. */
import { DASH, dec, num, share, unitText } from '../format/shown.ts';
import type { Balance, Suspicion } from '../graphql/balance.ts';
import { nameOf, t } from '../texts/language.svelte.ts';

export type Tone = 'ok' | 'warn' | 'quiet';

/** A loss as a share of what went in and was not open; null without anything. */
export function lossShare(balance: Balance): number | null {
  if (balance.loss === null) return null;
  const known = Number(balance.value) - Number(balance.openValue);
  return known > 0 ? Number(balance.loss) / known : null;
}

/** Whether the place or a part of it has no figure in this time. */
export function lacksFigures(balance: Balance): boolean {
  return balance.value === null || balance.parts.some((part) => part.value === null);
}

export function verdict(balance: Balance): { tone: Tone; text: string } {
  if (balance.value === null) return { tone: 'quiet', text: t('balance.no_figures') };
  if (balance.derived) return { tone: 'quiet', text: t('balance.derived') };
  if (balance.openQuarters === balance.quarters)
    return { tone: 'quiet', text: t('balance.all_open') };
  const more = Number(balance.loss ?? 0) < 0;
  if (balance.suspicions.length)
    return { tone: 'warn', text: t(more ? 'balance.suspected_more' : 'balance.suspected') };
  if (balance.within === null) return { tone: 'quiet', text: t('balance.unknown') };
  return balance.within
    ? { tone: 'ok', text: t('balance.within') }
    : { tone: 'warn', text: t(more ? 'balance.beyond_more' : 'balance.beyond') };
}

/** Who it is, in words; a ratio with the likeliest pair of transformers. */
export function suspectText(found: Suspicion): string {
  const name = nameOf(found.meters[0]?.name) || nameOf(found.node.name);
  const factor = num(found.factor, 2);
  const [pair] = found.mixups;
  if (found.fault === 'MISSING') return missingText(found);
  if (found.fault === 'DIRECTION') return t('balance.fault.direction', { name });
  if (found.fault === 'PHASE') {
    const key = (found.factor ?? 0) > 2 ? 'balance.fault.phase' : 'balance.fault.phase_lost';
    return t(key, { name, factor });
  }
  const { configured, installed } = pair ?? { configured: '–', installed: '–' };
  return t('balance.fault.ratio', { name, factor, configured, installed });
}

function missingText(found: Suspicion): string {
  const parts = { name: nameOf(found.node.name), share: share(found.missingShare, 1) };
  if (found.profile === 'BASE') return t('balance.fault.missing_base', parts);
  if (found.profile === 'WORK') return t('balance.fault.missing_work', parts);
  return t('balance.fault.missing', parts);
}

export function evidenceText(found: Suspicion): string {
  const days = num(found.quarters / 96, 1);
  if (found.factor === null) return t('balance.evidence_rest', { days, base: base(found) });
  const numbers = { factor: num(found.factor, 3), error: num(found.factorError, 3) };
  return t('balance.evidence', { ...numbers, explained: share(found.explained), days });
}

function base(found: Suspicion): string {
  return found.baseShare === null ? '–' : share(found.baseShare);
}

/** Other causes with the same factor. */
export function otherPairs(found: Suspicion): string {
  const rest = found.fault === 'PHASE' ? found.mixups : found.mixups.slice(1);
  return rest.map((pair) => `${pair.configured} → ${pair.installed}`).join(', ');
}

/** A quantity with its unit; an unknown one is a dash and never a zero. */
export function amount(value: string | null, unit: string): string {
  if (value === null) return DASH;
  const digits = Math.abs(Number(value)) < 100 ? 1 : 0;
  return `${dec(value, digits)} ${unitText(unit)}`;
}
