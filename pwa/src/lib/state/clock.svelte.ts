/** The device's clock for ages on the screen, and how far it is from the platform's. */
import { nowQuery } from '../graphql/session.ts';
import { request } from '../net/request.ts';
import { remember } from '../store/database.ts';

const TICK_MS = 5_000;
/** So long an offset is as good as a new one. */
const GOOD_MS = 60_000;

class DeviceClock {
  /** Moves every few seconds while the page is visible. */
  now = $state(Date.now());
  /** Device minus platform in ms at the last contact. */
  offsetMs = 0;
  #noted = 0;

  start(): () => void {
    const timer = setInterval(() => (this.now = Date.now()), TICK_MS);
    const seen = () => (this.now = Date.now());
    document.addEventListener('visibilitychange', seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }

  /** Half of the round trip lies before the platform looked at its clock. */
  note(server: string, sent: number, received: number): void {
    this.#noted = received;
    this.offsetMs = Math.round((sent + received) / 2 - Date.parse(server));
    void remember('offset', this.offsetMs).catch(() => undefined);
  }

  /** Asks the platform unless one of its answers told a moment ago. */
  async measure(): Promise<void> {
    if (Math.abs(Date.now() - this.#noted) < GOOD_MS) return;
    const sent = Date.now();
    const { now } = await request(nowQuery, {});
    this.note(now, sent, Date.now());
  }
}

export const clock = new DeviceClock();
