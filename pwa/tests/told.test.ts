import { expect, test } from 'vitest';
import type { LiveValue } from '../src/lib/graphql/fragments.ts';
import { unshown } from '../src/lib/plant/told.ts';

const told = (meterId: string, key: string) =>
  ({ deviceId: 'dev_1', meterId, key, value: 1 }) as LiveValue;

test('counts first values of the meter that is shown, and of no other', () => {
  const power = told('mtr_1', 'p');
  const values = [power, told('mtr_1', 'ep_imp'), told('mtr_2', 'c2/p')];
  const mine = (value: LiveValue) => value.meterId === 'mtr_1';
  expect(unshown(values, [], mine)).toBe(2);
  expect(unshown(values, [power], mine)).toBe(1);
  expect(unshown(values, values, mine)).toBe(0);
  expect(unshown([], [], mine)).toBe(0);
});
