import { describe, expect, test } from 'vitest';
import { fits } from '../src/lib/model/search.ts';

const meter = { slug: 'incomer-1', name: { en: 'Incomer 1', zh: '1号进线' } };

describe('finding a meter', () => {
  test.each(['', 'inc', 'INCOMER 1', '进线', '1 incomer', ' incomer-1 '])('%j fits', (words) => {
    expect(fits(meter, words)).toBe(true);
  });
  test.each(['incomer 2', '变压器', 'incomer x'])('%j does not', (words) => {
    expect(fits(meter, words)).toBe(false);
  });
});
