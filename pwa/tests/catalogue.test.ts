import { expect, test } from 'vitest';
import en from '../../backend/core/texts/en.json';
import zh from '../../backend/core/texts/zh-CN.json';

test('both languages have the same keys, sorted', () => {
  expect(Object.keys(zh)).toEqual(Object.keys(en));
  expect(Object.keys(en)).toEqual(Object.keys(en).sort());
});
