/** The one socket of the page, its state, and who wants to know when it is back. */
import { Socket } from '../net/socket.ts';
import { clock } from './clock.svelte.ts';
import { session } from './session.svelte.ts';

type State = 'connecting' | 'live' | 'lost';

class Connection {
  state = $state<State>('connecting');
  #back = new Set<() => void>();
  socket = new Socket({
    connected: () => this.#connected(),
    lost: () => this.#lose(),
    refused: () => void session.check()
  });

  /**
   * Calls back after every (re)connect, when the first one failed, and whenever the page may have
   * missed something.
   */
  onBack(callback: () => void): () => void {
    this.#back.add(callback);
    return () => this.#back.delete(callback);
  }

  start(): () => void {
    const online = () => {
      this.socket.hurry();
      this.#notify();
    };
    const offline = () => this.#lose();
    const visible = () => {
      if (document.visibilityState === 'visible') online();
    };
    addEventListener('online', online);
    addEventListener('offline', offline);
    document.addEventListener('visibilitychange', visible);
    return () => {
      removeEventListener('online', online);
      removeEventListener('offline', offline);
      document.removeEventListener('visibilitychange', visible);
      this.socket.close();
    };
  }

  #connected(): void {
    this.state = 'live';
    void clock.measure().catch(() => undefined);
    this.#notify();
  }

  #lose(): void {
    const first = this.state === 'connecting';
    this.state = 'lost';
    if (first) this.#notify();
  }

  #notify(): void {
    for (const callback of this.#back) callback();
  }
}

export const connection = new Connection();
