/** The first screen's numbers: the newest frame, or the saved one with its age. */
import { firstScreenQuery, summarySubscription, type Summary } from '../graphql/summary.ts';
import { request } from '../net/request.ts';
import { readChoice } from '../store/choices.ts';
import { loadSnapshot, saveSnapshot } from '../store/snapshot.ts';
import { connection } from './connection.svelte.ts';

class SummaryState {
  data = $state.raw<Summary | null>(null);
  /** Device time at which `data` came from the server. */
  receivedAt = $state(0);
  failure = $state<string | null>(null);
  #asked: Promise<{ id: string; summary: Summary } | null> | undefined;
  #streaming = false;
  #come: () => void = () => undefined;
  /** Resolves when there is a picture. */
  readonly come = new Promise<void>((done) => (this.#come = done));

  /** Asks before session and socket are there; an answer that does not come is nobody's loss. */
  ask(): void {
    const asked = request(firstScreenQuery, { project: readChoice('project') });
    this.#asked = asked.then(
      ({ project }) => project,
      () => null
    );
  }

  /** Runs for one project until the returned function is called. */
  start(project: string): () => void {
    const name = `summary.${project}`;
    this.data = null;
    this.failure = null;
    this.#streaming = false;
    void this.#restore(name);
    void this.#answered(name, project);
    return connection.socket.subscribe(
      summarySubscription,
      { project },
      ({ summary }) => {
        this.#streaming = true;
        this.#take(name, summary);
      },
      (codes) => (this.failure = codes[0] ?? 'error')
    );
  }

  async #restore(name: string): Promise<void> {
    const saved = await loadSnapshot<Summary>(name);
    if (!saved || this.data) return;
    this.data = saved.data;
    this.receivedAt = saved.savedAt;
  }

  /** What `ask` brought, for the project it is of and while no frame came sooner. */
  async #answered(name: string, project: string): Promise<void> {
    const asked = this.#asked;
    this.#asked = undefined;
    const answer = await asked;
    if (answer?.id === project && !this.#streaming) this.#take(name, answer.summary);
  }

  #take(name: string, summary: Summary): void {
    this.data = summary;
    this.failure = null;
    this.receivedAt = Date.now();
    this.#come();
    void saveSnapshot(name, summary, this.receivedAt).catch(() => undefined);
  }
}

export const summary = new SummaryState();
