/** A deed that needs a fresh proof: when the server says so it is asked for, then done again. */
import { AppError, asAppError } from '../net/errors.ts';

interface Waiting {
  go: () => void;
  stop: (why: AppError) => void;
}

export class Proving {
  #waiting = $state.raw<Waiting | null>(null);

  /** Whether the person is asked to prove who they are. */
  get asked(): boolean {
    return this.#waiting !== null;
  }

  async run<T>(deed: () => Promise<T>): Promise<T> {
    try {
      return await deed();
    } catch (cause) {
      if (asAppError(cause).code !== 'proof_needed') throw cause;
    }
    await new Promise<void>((go, stop) => (this.#waiting = { go, stop }));
    return deed();
  }

  proved(): void {
    this.#waiting?.go();
    this.#waiting = null;
  }

  stopped(): void {
    this.#waiting?.stop(new AppError('proof_needed'));
    this.#waiting = null;
  }
}
