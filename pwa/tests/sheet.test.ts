import { expect, test } from 'vitest';
import type { ReadingSheet } from '../src/lib/graphql/sheets.ts';
import { agrees, linesOf, partsAgree } from '../src/lib/sheet/lines.ts';

const sheet = {
  figures: {
    start: '2026-02-28T16:00:00Z',
    end: '2026-03-31T16:00:00Z',
    unit: 'kg',
    quantity: '12000000'
  },
  rounding: '0.000000',
  register: null,
  terms: [],
  virtual: null,
  stock: {
    start: '2026-02-28T16:00:00Z',
    end: '2026-03-31T16:00:00Z',
    opening: '30.000000',
    found: '0.000000',
    closing: '21.000000',
    rule: 'EVEN',
    perDay: null,
    totalQuantity: '12000000',
    papers: [
      { kind: 'DELIVERY', at: '2026-03-03T00:00:00Z', value: '4.000000' },
      { kind: 'COUNT', at: '2026-03-04T00:00:00Z', value: '33.000000' },
      { kind: 'SALE', at: '2026-03-05T00:00:00Z', value: '1.000000' }
    ]
  }
} as unknown as ReadingSheet;

test("a stock's lines add up to its account", () => {
  const amounts = linesOf(sheet, 'MONTH').map((line) => line.amount);
  expect(amounts).toEqual(['30.000000', '4.000000', null, '-1.000000', '-21.000000']);
  expect(amounts.reduce((sum, one) => sum + Number(one ?? 0), 0)).toBe(12);
  expect(agrees(sheet)).toBe(true);
  const other = { ...sheet.figures, quantity: '11000000' };
  expect(agrees({ ...sheet, figures: other })).toBe(false);
});

test('parts of an expression lead to their own sheets, what is no meter leads nowhere', () => {
  const meter = { id: 'mtr_1', unit: 'kWh', name: { en: 'Feeder', zh: '馈线' } };
  const virtual = {
    expression: 'a / 2 + min(a, b)',
    factors: [{ meter, coefficient: '0.5', value: '8', part: '4' }],
    evaluated: [{ meters: [meter], part: '3' }]
  };
  const lines = linesOf({ ...sheet, stock: null, virtual } as unknown as ReadingSheet, 'MONTH');
  expect(lines.map(({ href, amount }) => [href?.slice(0, 13) ?? null, amount])).toEqual([
    ['/sheets/mtr_1', '4'],
    [null, '3']
  ]);
});

test('what a moved meter was read from adds up to its account', () => {
  const part = (totalQuantity: string | null) => ({
    register: totalQuantity === null ? null : { totalQuantity }
  });
  const parts = [part('7000000'), part(null), part('5000000')] as unknown as ReadingSheet['parts'];
  expect(partsAgree({ ...sheet, parts })).toBe(true);
  expect(partsAgree({ ...sheet, parts: parts.slice(1) })).toBe(false);
});
