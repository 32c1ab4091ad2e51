/** An expected failure: a code of the catalogue (`errors.<code>`) with its parameters. */
export type Params = Record<string, string | number>;

const PASSING = 'offline unavailable too_much not_signed_in cost_of_caller cost_of_project'.split(
  ' '
);

export class AppError extends Error {
  constructor(
    readonly code: string,
    readonly params: Params = {}
  ) {
    super(code);
  }

  /** The server was not reached, or asked to try again: the same request may succeed later. */
  get passing(): boolean {
    return PASSING.includes(this.code);
  }
}

export function asAppError(cause: unknown): AppError {
  return cause instanceof AppError ? cause : new AppError('error');
}

/** What the server answered; `not_found` where it has nothing to say. */
export function present<T>(answer: T | null | undefined): T {
  if (answer === null || answer === undefined) throw new AppError('not_found');
  return answer;
}
