/** What a screen asked the server for: the newest answer, whether it is still coming, or why not. */
import { asAppError } from '../net/errors.ts';
import { loadSnapshot, saveSnapshot } from '../store/snapshot.ts';

export class Loaded<T> {
  data = $state.raw<T | null>(null);
  failure = $state<string | null>(null);
  loading = $state(false);
  /** Device time of `data`. */
  at = $state(0);
  #turn = 0;

  /** The answer of the last call wins; the data shown stays until then. `name` keeps a copy. */
  async load(ask: () => Promise<T>, name?: string): Promise<void> {
    const turn = ++this.#turn;
    this.loading = true;
    this.failure = null;
    try {
      const data = await ask();
      if (turn === this.#turn) this.#take(data, name);
    } catch (cause) {
      if (turn === this.#turn) await this.#fall(asAppError(cause).code, name);
    }
  }

  #take(data: T, name: string | undefined): void {
    this.data = data;
    this.at = Date.now();
    this.loading = false;
    if (name) void saveSnapshot(name, data, this.at).catch(() => undefined);
  }

  async #fall(code: string, name: string | undefined): Promise<void> {
    this.loading = false;
    this.failure = code;
    if (!name || this.data) return;
    const saved = await loadSnapshot<T>(name);
    if (saved && !this.data) {
      this.data = saved.data;
      this.at = saved.savedAt;
    }
  }
}
