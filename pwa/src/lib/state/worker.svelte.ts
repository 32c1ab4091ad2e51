/** The page's side of the service worker: registering it, hearing from it, taking a new version. */
import type { Flushed } from '../store/outbox.ts';

export type WorkerMessage =
  | { type: 'flushed'; flushed: Flushed[] }
  | { type: 'pushed'; alarm: string | null }
  | { type: 'open'; path: string };

class WorkerState {
  /** A newer version is stored and waits. */
  updated = $state(false);
  registration = $state.raw<ServiceWorkerRegistration | null>(null);
  #waiting: ServiceWorker | null = null;

  get supported(): boolean {
    return 'serviceWorker' in navigator;
  }

  /** Hears from it from now on. */
  start(heard: (message: WorkerMessage) => void): () => void {
    if (!this.supported) return () => undefined;
    const listen = (event: MessageEvent<WorkerMessage>) => heard(event.data);
    navigator.serviceWorker.addEventListener('message', listen);
    return () => navigator.serviceWorker.removeEventListener('message', listen);
  }

  /** Works whether or not the `load` event has passed. */
  async register(): Promise<void> {
    if (!this.supported) return;
    try {
      const registration = await navigator.serviceWorker.register('/service-worker.js', {
        type: 'module',
        updateViaCache: 'none'
      });
      this.registration = registration;
      this.#offer(registration.waiting);
      registration.addEventListener('updatefound', () => this.#watch(registration.installing));
    } catch {
      // Without it the app works online; More says which functions are off and why.
    }
  }

  #watch(installing: ServiceWorker | null): void {
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'installed') this.#offer(installing);
    });
  }

  #offer(waiting: ServiceWorker | null): void {
    if (!waiting || !navigator.serviceWorker.controller) return;
    this.#waiting = waiting;
    this.updated = true;
  }

  takeOver(): void {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload());
    this.#waiting?.postMessage({ type: 'take-over' });
  }
}

export const worker = new WorkerState();
