import { expect, test } from 'vitest';
import { answersTo, decimalOf, digitsOf } from '../src/lib/round/answers.ts';

test('only what settles every question is offered', () => {
  expect(answersTo(['LESS'], true)).toEqual(['WRAPPED', 'EXCHANGED']);
  expect(answersTo(['LESS'], false)).toEqual(['EXCHANGED']);
  expect(answersTo(['MORE', 'AFTER'], true)).toEqual(['SURE']);
  expect(answersTo(['LESS', 'AFTER'], true)).toEqual([]);
});

test('numbers as they are typed', () => {
  expect(decimalOf('12,5')).toBe('12.5');
  expect(decimalOf('12.')).toBe('12');
  expect(decimalOf(' 007 ')).toBe('007');
  for (const wrong of ['', '1e3', '-1', '1.2.3', 'NaN', '1'.repeat(16)]) {
    expect(decimalOf(wrong)).toBeNull();
  }
});

test('zeros behind a number are not shown', () => {
  expect(digitsOf('12.500')).toBe(1);
  expect(digitsOf('12')).toBe(0);
  expect(digitsOf('0.123456')).toBe(3);
  expect(digitsOf(null)).toBe(0);
});
