import { describe, expect, it } from 'vitest';
import type { Moved } from '../src/lib/graphql/restatements.ts';
import { atPlant, byPlantClock, fieldsOf, paramsOf } from '../src/lib/restatement/fields.ts';
import { delta, minus, monthsOf } from '../src/lib/restatement/months.ts';

const figures = (value: string, cost: string | null) => ({
  value,
  cost,
  quantity: '0',
  kgce: null,
  kgco2: null
});
const row = (month: string, old: string | null, now: string | null): Moved => ({
  scope: 'node_a',
  meter: false,
  name: { en: 'a', zh: 'a' },
  energy: 'electricity',
  unit: 'kWh',
  month,
  start: `${month}-01T00:00:00Z`,
  old: old === null ? null : figures(old, '1.5'),
  new: now === null ? null : figures(now, null)
});

describe('the difference', () => {
  it('is exact, whatever the digits', () => {
    expect(minus('12345678901234567.25', '0.5')).toBe('12345678901234566.75');
    expect(minus('1', '3')).toBe('-2');
    expect(minus('0.1', '0.35')).toBe('-0.25');
  });
  it('takes what is not there for nothing, and what is not known for unknown', () => {
    expect(delta(row('2026-03', null, '7.5'), 'value')).toBe('7.5');
    expect(delta(row('2026-03', '2.5', '7.5'), 'value')).toBe('5.0');
    expect(delta(row('2026-03', '2.5', '7.5'), 'cost')).toBeNull();
    expect(delta(row('2026-03', '2.5', null), 'value')).toBe('-2.5');
  });
  it('stands month by month', () => {
    const months = monthsOf([row('2026-04', '1', '2'), row('2026-03', '1', '2')]);
    expect(months.map(({ month, rows }) => [month, rows.length])).toEqual([
      ['2026-03', 1],
      ['2026-04', 1]
    ]);
  });
});

describe('the form', () => {
  const schema = {
    required: ['meter', 'since', 'value'],
    properties: {
      meter: { type: 'string' },
      since: { type: 'string', format: 'date-time' },
      until: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
      value: { anyOf: [{ type: 'number' }, { type: 'string' }] },
      substance: { enum: ['kgce', 'kgco2'], type: 'string' }
    }
  };
  it('has a field for each of the schema', () => {
    expect(fieldsOf(schema).map(({ name, type, required }) => [name, type, required])).toEqual([
      ['meter', 'text', true],
      ['since', 'time', true],
      ['until', 'time', false],
      ['value', 'number', true],
      ['substance', 'choice', false]
    ]);
  });
  it('lets an optional list be left out, and begins a needed one with its first choice', () => {
    const choice = { enum: ['delivery', 'count'], type: 'string' };
    const [needed, optional] = fieldsOf({
      properties: { one: choice, other: { anyOf: [choice, { type: 'null' }] } },
      required: ['one']
    });
    expect(needed).toMatchObject({ type: 'choice', choices: ['delivery', 'count'] });
    expect(optional).toMatchObject({ type: 'choice', choices: ['', 'delivery', 'count'] });
  });
  it("takes times by the plant's clock, also when clocks change", () => {
    expect(atPlant('Asia/Shanghai', '2026-03-01T08:15')).toBe('2026-03-01T00:15:00.000Z');
    expect(atPlant('Asia/Kathmandu', '2026-03-01T00:00')).toBe('2026-02-28T18:15:00.000Z');
    expect(atPlant('Europe/Berlin', '2026-03-29T03:00')).toBe('2026-03-29T01:00:00.000Z');
    expect(atPlant('Europe/Berlin', '2026-03-29T01:45')).toBe('2026-03-29T00:45:00.000Z');
    expect(byPlantClock('Asia/Kathmandu', '2026-02-28T18:15:00Z')).toBe('2026-03-01T00:00');
  });
  it('leaves out what is empty', () => {
    const typed = { meter: ' mtr_1 ', since: '2026-03-01T08:15', until: '', value: '0.5' };
    expect(paramsOf(fieldsOf(schema), typed, 'Asia/Shanghai')).toEqual({
      meter: 'mtr_1',
      since: '2026-03-01T00:15:00.000Z',
      value: '0.5'
    });
  });
});
