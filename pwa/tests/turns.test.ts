import { expect, test } from 'vitest';
import { inTurn } from '../src/lib/state/turns.ts';

const task = () => new Promise((done) => setTimeout(done));

test('each begins in a task of its own, in order', async () => {
  const seen: string[] = [];
  const note = (name: string) => () => {
    seen.push(name);
    return () => seen.push(`end ${name}`);
  };
  const end = inTurn(note('first'), note('second'));
  expect(seen).toEqual([]);
  await task();
  expect(seen).toEqual(['first']);
  await task();
  expect(seen).toEqual(['first', 'second']);
  end();
  expect(seen).toEqual(['first', 'second', 'end first', 'end second']);
});

test('what was ended before its turn never begins', async () => {
  const seen: string[] = [];
  const end = inTurn(
    () => () => seen.push('end first'),
    () => {
      seen.push('second');
      return () => undefined;
    }
  );
  await task();
  end();
  await task();
  await task();
  expect(seen).toEqual(['end first']);
});
