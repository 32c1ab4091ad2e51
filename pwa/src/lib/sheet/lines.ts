/** What a sheet adds up, line by line: meters of a node, parts of an expression, papers of a stock. */
import { dec, unitText, when } from '../format/shown.ts';
import type { ReadingSheet } from '../graphql/sheets.ts';
import { nameOf, t, tNamed } from '../texts/language.svelte.ts';
import { sheetOf, type SheetPeriod } from './address.ts';

export interface Line {
  key: string;
  name: string;
  /** Where it has a sheet of its own. */
  href: string | null;
  about: string;
  /** In the sheet's unit; null: counts for nothing. */
  amount: string | null;
}

export function linesOf(sheet: ReadingSheet, period: SheetPeriod): Line[] {
  if (sheet.virtual) return virtualLines(sheet, sheet.virtual, period);
  return sheet.stock ? stockLines(sheet.stock) : termLines(sheet, period);
}

/** Whether what the lines come to is what the account has; a change follows in a moment. */
export function agrees(sheet: ReadingSheet): boolean {
  return !sheet.stock || sheet.stock.totalQuantity === sheet.figures.quantity;
}

/** Whether the points that a meter was read from come to what the account has. */
export function partsAgree(sheet: Pick<ReadingSheet, 'parts' | 'figures'>): boolean {
  const total = sheet.parts.reduce(
    (sum, one) => sum + BigInt(one.register?.totalQuantity ?? 0),
    0n
  );
  return total === BigInt(sheet.figures.quantity ?? 0);
}

function termLines(sheet: ReadingSheet, period: SheetPeriod): Line[] {
  const { start, end, unit } = sheet.figures;
  return sheet.terms.map((one) => {
    const times = `${dec(one.value, 3)} ${unitText(unit)} × ${Number(one.coefficient)}`;
    const whole = one.start === start && one.end === end;
    const span = `${when(one.start, 'full')} – ${when(one.end, 'full')}`;
    return {
      key: one.meter.id + one.start,
      name: nameOf(one.meter.name),
      href: sheetOf(one.meter.id, period, start),
      about: whole ? times : `${times} · ${span}`,
      amount: one.part
    };
  });
}

type Virtual = NonNullable<ReadingSheet['virtual']>;

function virtualLines(sheet: ReadingSheet, virtual: Virtual, period: SheetPeriod): Line[] {
  const factors = virtual.factors.map((one) => ({
    key: one.meter.id,
    name: nameOf(one.meter.name),
    href: sheetOf(one.meter.id, period, sheet.figures.start),
    about: `${dec(one.value, 3)} ${unitText(one.meter.unit)} × ${Number(one.coefficient)}`,
    amount: one.part
  }));
  const evaluated = virtual.evaluated.map((one, place) => ({
    key: `evaluated ${place}`,
    name: t('sheet.evaluated'),
    href: null,
    about: one.meters.map((meter) => nameOf(meter.name)).join(', '),
    amount: one.part
  }));
  return [...factors, ...evaluated];
}

type Stock = NonNullable<ReadingSheet['stock']>;
const SIGNS = { DELIVERY: '', SALE: '-' } as const;

function stockLines(stock: Stock): Line[] {
  const line = (key: string, name: string, at: string, amount: string | null): Line => ({
    key,
    name,
    href: null,
    about: when(at, 'full'),
    amount
  });
  const papers = stock.papers.map((one, place) => {
    const name = t(`stock.kind.${one.kind}`);
    if (one.kind === 'COUNT')
      return line(`${place}`, `${name}: ${dec(one.value, 3)}`, one.at, null);
    return line(`${place}`, name, one.at, SIGNS[one.kind] + one.value);
  });
  const found = Number(stock.found)
    ? [line('found', t('sheet.stock_found'), stock.end, stock.found)]
    : [];
  return [
    line('opening', t('sheet.stock_opening'), stock.start, stock.opening),
    ...papers,
    ...found,
    line('closing', t('sheet.stock_closing'), stock.end, `-${stock.closing}`)
  ];
}

/** How the figure was made, above its lines. */
export function madeBy(sheet: ReadingSheet): string {
  if (sheet.virtual) return sheet.virtual.expression;
  if (!sheet.stock) return '';
  const { rule, perDay } = sheet.stock;
  const spread = tNamed(`stock.rule.${rule}`, {}, rule);
  if (perDay === null) return spread;
  const value = `${dec(perDay, 3)} ${unitText(sheet.figures.unit)}`;
  return `${spread} ${t('stock.standing', { value })}`;
}
