/** The difference of a restatement as a table: month by month, nodes before their meters. */
import type { Moved } from '../graphql/restatements.ts';

export interface Month {
  month: string;
  start: string;
  rows: Moved[];
}

export function monthsOf(moved: readonly Moved[]): Month[] {
  const months = new Map<string, Month>();
  for (const row of moved) {
    const month = months.get(row.month) ?? { month: row.month, start: row.start, rows: [] };
    month.rows.push(row);
    months.set(row.month, month);
  }
  return [...months.values()].sort((one, other) => one.month.localeCompare(other.month));
}

export type Amount = 'value' | 'kgce' | 'kgco2' | 'cost';

/** New minus old of exact decimals; null where either is not known. */
export function delta(row: Moved, amount: Amount): string | null {
  if (row.old && row.new && (row.old[amount] === null || row.new[amount] === null)) return null;
  const before = row.old ? row.old[amount] : '0';
  const after = row.new ? row.new[amount] : '0';
  if (before === null || after === null) return null;
  return minus(after, before);
}

/** The exact difference of two plain decimals. */
export function minus(one: string, other: string): string {
  const digits = Math.max(fraction(one).length, fraction(other).length);
  const whole = (text: string) => {
    const [before = '0'] = text.split('.');
    return BigInt(`${before}${fraction(text).padEnd(digits, '0')}`);
  };
  const difference = whole(one) - whole(other);
  const sign = difference < 0n ? '-' : '';
  const text = (difference < 0n ? -difference : difference).toString().padStart(digits + 1, '0');
  if (digits === 0) return sign + text;
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function fraction(text: string): string {
  return text.split('.')[1] ?? '';
}
