/** What can be said to what is doubtful in a reading, and numbers as people type them. */
import type { HandAnswer, HandQuestion } from '../graphql/round.ts';

const ANSWERS: Record<HandQuestion, HandAnswer[]> = {
  LESS: ['WRAPPED', 'EXCHANGED'],
  MORE: ['SURE', 'EXCHANGED'],
  AFTER: ['SURE']
};

/** The answers that settle every open question; a wrap only where it is known where it begins. */
export function answersTo(open: readonly HandQuestion[], wraps: boolean): HandAnswer[] {
  const all: HandAnswer[] = ['WRAPPED', 'EXCHANGED', 'SURE'];
  return all.filter(
    (one) => (wraps || one !== 'WRAPPED') && open.every((asked) => ANSWERS[asked].includes(one))
  );
}

/** A typed number as an exact decimal; null for what is none. */
export function decimalOf(text: string): string | null {
  const bare = text.trim().replace(',', '.');
  return /^\d{1,15}(\.\d{0,9})?$/.test(bare) ? bare.replace(/\.$/, '') : null;
}

/** How many digits a decimal has behind its point, without zeros at its end; three at most. */
export function digitsOf(decimal: string | null | undefined): number {
  const behind = (decimal ?? '').split('.')[1] ?? '';
  return Math.min(behind.replace(/0+$/, '').length, 3);
}
