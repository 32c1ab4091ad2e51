/** Taking alarms from the page: at once when possible, kept and shown as pending when not. */
import { acknowledgeMutation, type AcknowledgeInput } from '../graphql/acknowledge.ts';
import { request } from '../net/request.ts';
import { enqueue, flush, pendingAlarms, type Flushed } from '../store/outbox.ts';
import { clock } from './clock.svelte.ts';

class OutboxState {
  /** Ids of alarms whose acknowledgement still waits on this device. */
  pending = $state<string[]>([]);
  /** The code with which the server refused the last one for good. */
  refused = $state<string | null>(null);
  #sent = new Set<(flushed: Flushed) => void>();

  /** Calls back for every answer, also of those that the service worker sent. */
  onSent(callback: (flushed: Flushed) => void): () => void {
    this.#sent.add(callback);
    return () => this.#sent.delete(callback);
  }

  async take(project: string, alarm: string): Promise<void> {
    this.refused = null;
    this.pending = [...this.pending, alarm];
    await enqueue({
      project,
      alarm,
      key: randomUuid(),
      deviceTime: new Date().toISOString(),
      offsetMs: clock.offsetMs,
      channel: navigator.onLine ? 'app' : 'offline'
    });
    await this.flush();
  }

  async flush(): Promise<void> {
    const send = async (input: AcknowledgeInput) =>
      (await request(acknowledgeMutation, { input })).acknowledge;
    this.note(await flush(send, () => Date.now()));
    await this.refresh();
  }

  /** What page or service worker have sent. */
  note(flushed: Flushed[]): void {
    for (const one of flushed) {
      if (one.code) this.refused = one.code;
      for (const callback of this.#sent) callback(one);
    }
  }

  async refresh(): Promise<void> {
    this.pending = await pendingAlarms();
  }
}

/** `crypto.randomUUID` is missing on plain http; the random bytes are not. */
export function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export const outbox = new OutboxState();
