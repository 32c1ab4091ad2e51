/** What projects of a group are ranked by, and how its amounts are shown. */
import { dec, DASH, share, tonnes, unitText } from '../format/shown.ts';
import { formatMoney } from '../format/numbers.ts';
import type { Amount, Member, Rollup } from '../graphql/groups.ts';
import { energyName } from '../state/energies.ts';
import { language, t } from '../texts/language.svelte.ts';
import { change } from './period.ts';

export type Measure = Exclude<Rollup, 'DAYS'>;
export const MEASURES: readonly Measure[] = ['KGCE', 'KGCO2', 'COST', 'QUANTITY', 'INTENSITY'];
export const ROLLUPS: readonly Rollup[] = [...MEASURES, 'DAYS'];
const NONE: Amount = { now: null, before: null };

export function rollupText(rollup: Rollup): string {
  return t(`groups.rollup.${rollup}`);
}

/** The amount of a project that is shown, with its unit. */
export function shownAmount(one: Member, by: Measure, energy: string) {
  const { figures, currency } = one;
  if (!figures) return { amount: NONE, text: DASH };
  const row = (by === 'INTENSITY' ? figures.intensity : figures.energies).find(
    (found) => found.energy === energy
  );
  const found = {
    KGCE: figures.kgce,
    KGCO2: figures.kgco2,
    COST: figures.cost,
    QUANTITY: row?.amount ?? NONE,
    INTENSITY: row?.amount ?? NONE
  };
  const unit = by === 'COST' ? currency : (row?.unit ?? '');
  return { amount: found[by], text: amountText(found[by].now, by, unit) };
}

/** `unit` is a currency, or the unit of an energy. */
export function amountText(value: string | null, by: Measure, unit: string): string {
  if (value === null) return DASH;
  if (by === 'KGCE') return `${tonnes(value)} tce`;
  if (by === 'KGCO2') return `${tonnes(value)} t`;
  if (by === 'COST') return formatMoney(language.locale, value, unit);
  return `${dec(value, by === 'INTENSITY' ? 3 : 0)} ${unitText(unit)}`;
}

/** By how much it changed against the year before, with its sign; empty without a base. */
export function changeText(amount: Amount): string {
  const by = change(amount.now, amount.before);
  if (by === null) return '';
  return t('groups.change', { change: `${by < 0 ? '−' : '+'}${share(Math.abs(by), 1)}` });
}

/** Whether the amount is one of an energy or product, which has to be named. */
export const ofEnergies = (by: Measure): boolean => by === 'QUANTITY' || by === 'INTENSITY';

/** The energies, or products, that any of the projects tells. */
export function energiesOf(members: readonly Member[], by: Measure): string[] {
  if (!ofEnergies(by)) return [];
  const rows = members.flatMap(({ figures }) =>
    by === 'INTENSITY' ? (figures?.intensity ?? []) : (figures?.energies ?? [])
  );
  return [...new Set(rows.map((row) => row.energy))];
}

export const energyText = (code: string): string => energyName(code);
