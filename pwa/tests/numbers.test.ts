import { expect, test } from 'vitest';
import {
  differencePermille,
  formatDecimal,
  formatMoney,
  formatShare,
  sumAsShown
} from '../src/lib/format/numbers.ts';

test('a decimal longer than a float is rounded from its own digits', () => {
  expect(formatDecimal('en', '12345678901234567890.5', 1)).toBe('12,345,678,901,234,567,890.5');
});

test('kilograms become tonnes by moving the point', () => {
  expect(formatDecimal('en', '7412.35', 2, -3)).toBe('7.41');
  expect(formatDecimal('en', '0E-6', 2, -3)).toBe('0.00');
  expect(formatDecimal('en', '1.25E+4', 1, -3)).toBe('12.5');
  expect(formatDecimal('en', '-4.5E-2', 3)).toBe('-0.045');
});

test('what is no decimal is refused instead of shown as NaN', () => {
  expect(() => formatDecimal('en', 'missing')).toThrow(TypeError);
});

test('money and shares follow the language', () => {
  expect(formatMoney('zh-CN', '13824.50', 'CNY', 2)).toBe('¥13,824.50');
  expect(formatMoney('en', '13824.5', 'CNY')).toBe('¥13,825');
  expect(formatShare('en', 0.042, 1)).toBe('4.2%');
});

test('the difference to yesterday is exact, in tenths of a percent, and has no base at zero', () => {
  expect(differencePermille('958', '1000')).toBe(-42);
  expect(differencePermille('10005', '10000')).toBe(1);
  expect(differencePermille('9007199254740993000', '9007199254740993000')).toBe(0);
  expect(differencePermille('5', '0')).toBeNull();
});

test('a column adds up to its total as it is shown', () => {
  // Exactly 1289.9, which would be 1,290 below rows of 842, 413 and 34.
  expect(sumAsShown(['842.4', '413.2', null, '34.3'])).toBe('1289e0');
  expect(formatMoney('en', '1289e0', 'CNY')).toBe('¥1,289');
  expect(sumAsShown(['1764.9', '234.4'], 2, -3)).toBe('199e-2');
  expect(formatDecimal('en', '199e-2', 2)).toBe('1.99');
  expect(sumAsShown([null, null])).toBeNull();
});
