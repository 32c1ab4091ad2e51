import { expect, test } from 'vitest';
import en from '../../backend/core/texts/en.json';
import zh from '../../backend/core/texts/zh-CN.json';
import { chooseLocale, fill, plural } from '../src/lib/texts/catalogue.ts';
import { partOf } from '../src/lib/texts/part.ts';

test('both languages have the same keys, sorted', () => {
  expect(Object.keys(zh)).toEqual(Object.keys(en));
  expect(Object.keys(en)).toEqual(Object.keys(en).sort());
});

test('a parameter without a value stays visible', () => {
  expect(fill('{a} of {b}', { a: 1 })).toBe('1 of {b}');
});

test('plurals follow the language', () => {
  const table = { 'x.one': '{n} alarm', 'x.other': '{n} alarms' };
  expect(plural(table, 'en', 'x', 1)).toBe('1 alarm');
  expect(plural(table, 'en', 'x', 1200)).toBe('1,200 alarms');
  expect(plural({ 'x.other': '{n} 条' }, 'zh-CN', 'x', 1)).toBe('1 条');
});

test('a choice wins over the browser, any Chinese gets 简体中文, the rest English', () => {
  expect(chooseLocale('en', ['zh-CN'])).toBe('en');
  expect(chooseLocale(null, ['zh-TW', 'en'])).toBe('zh-CN');
  expect(chooseLocale(null, ['de'])).toBe('en');
});

test('every family of texts comes to the app, but those of the server and of the worker', () => {
  const left = Object.keys(en).filter((key) => partOf(key) === null);
  const families = new Set(left.map((key) => key.split('.')[0]));
  expect([...families]).toEqual(['export', 'phone', 'push', 'setup', 'worker']);
});
