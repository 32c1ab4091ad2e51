/** The first screen's numbers: the newest frame, or the saved one with its age. */
import { summarySubscription, type Summary } from '../graphql/summary.ts';
import { loadSnapshot, saveSnapshot } from '../store/snapshot.ts';
import { connection } from './connection.svelte.ts';

class SummaryState {
  data = $state.raw<Summary | null>(null);
  /** Device time at which `data` came from the server. */
  receivedAt = $state(0);
  failure = $state<string | null>(null);

  /** Runs for one project until the returned function is called. */
  start(project: string): () => void {
    const name = `summary.${project}`;
    this.data = null;
    this.failure = null;
    void this.#restore(name);
    return connection.socket.subscribe(
      summarySubscription,
      { project },
      ({ summary }) => this.#take(name, summary),
      (codes) => (this.failure = codes[0] ?? 'error')
    );
  }

  async #restore(name: string): Promise<void> {
    const saved = await loadSnapshot<Summary>(name);
    if (!saved || this.data) return;
    this.data = saved.data;
    this.receivedAt = saved.savedAt;
  }

  #take(name: string, summary: Summary): void {
    this.data = summary;
    this.failure = null;
    this.receivedAt = Date.now();
    void saveSnapshot(name, summary, this.receivedAt).catch(() => undefined);
  }
}

export const summary = new SummaryState();
