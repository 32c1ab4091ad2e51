/** One deed at a time: whether it runs, and why the last one was not done. */
import { asAppError, type AppError } from '../net/errors.ts';

export class Doing {
  busy = $state(false);
  failure = $state.raw<AppError | null>(null);

  /** True when it was done; a second call while one runs does nothing. */
  async run(deed: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.failure = null;
    try {
      await deed();
    } catch (cause) {
      this.failure = asAppError(cause);
    } finally {
      this.busy = false;
    }
    return this.failure === null;
  }
}
