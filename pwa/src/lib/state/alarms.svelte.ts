/** All alarms that this page knows, kept current by the subscription, saved for offline. */
import {
  alarmsQuery,
  alarmsSubscription,
  knownAlarmsQuery,
  type Alarm
} from '../graphql/alarms.ts';
import { byUrgency, isOpen, newestFirst, wantsAck } from '../alarm/order.ts';
import { closeStale } from '../alarm/stale.ts';
import { asAppError } from '../net/errors.ts';
import { request } from '../net/request.ts';
import { loadSnapshot, saveSnapshot } from '../store/snapshot.ts';
import { connection } from './connection.svelte.ts';
import { outbox } from './outbox.svelte.ts';

const PAGE = 50;

class AlarmsState {
  #byId = $state.raw<ReadonlyMap<string, Alarm>>(new Map());
  loaded = $state(false);
  failure = $state<string | null>(null);
  /** True when older alarms may exist beyond those loaded. */
  more = $state(false);
  /** The newest alarm that arrived while the page was open, to be announced. */
  arrived = $state.raw<Alarm | null>(null);
  savedAt = $state(0);
  #project = '';

  open = $derived([...this.#byId.values()].filter(isOpen).sort(byUrgency));
  past = $derived([...this.#byId.values()].filter((alarm) => !isOpen(alarm)).sort(newestFirst));
  untaken = $derived(this.open.filter(wantsAck));

  get(id: string): Alarm | undefined {
    return this.#byId.get(id);
  }

  start(project: string): () => void {
    this.#project = project;
    this.#byId = new Map();
    this.loaded = false;
    void this.#restore();
    const stops = [
      connection.onBack(() => void this.reload()),
      outbox.onSent(() => void this.reload()),
      connection.socket.subscribe(alarmsSubscription, { project }, ({ alarms }) =>
        this.#changed(alarms)
      )
    ];
    // A socket that is still connecting calls back in a moment, with or without success.
    if (connection.state !== 'connecting') void this.reload();
    return () => stops.forEach((stop) => stop());
  }

  /** Everything open and the newest past ones, replacing what was known. */
  async reload(): Promise<void> {
    const project = this.#project;
    try {
      const known = (await request(knownAlarmsQuery, { project, first: PAGE })).project;
      if (project !== this.#project) return;
      const newest = known?.newest ?? [];
      this.#byId = byId([...newest, ...(known?.open ?? [])]);
      this.more = newest.length === PAGE;
      this.#ready();
    } catch (cause) {
      this.failure = asAppError(cause).code;
    }
  }

  async loadMore(): Promise<void> {
    const before = this.past.at(-1)?.raisedAt ?? null;
    const older = await request(alarmsQuery, { project: this.#project, first: PAGE, before });
    const found = older.project?.alarms ?? [];
    this.more = found.length === PAGE;
    this.#byId = byId([...this.#byId.values(), ...found]);
  }

  #changed(alarm: Alarm): void {
    if (!this.#byId.has(alarm.id) && wantsAck(alarm)) this.arrived = alarm;
    this.#byId = byId([...this.#byId.values(), alarm]);
    this.#ready();
  }

  #ready(): void {
    this.loaded = true;
    this.failure = null;
    this.savedAt = Date.now();
    void closeStale(this.#byId).catch(() => undefined);
    const kept = [...this.open, ...this.past.slice(0, PAGE)];
    void saveSnapshot(`alarms.${this.#project}`, kept, this.savedAt).catch(() => undefined);
  }

  async #restore(): Promise<void> {
    const saved = await loadSnapshot<Alarm[]>(`alarms.${this.#project}`);
    if (!saved || this.loaded) return;
    this.#byId = byId(saved.data);
    this.savedAt = saved.savedAt;
    this.loaded = true;
  }
}

function byId(alarms: Alarm[]): ReadonlyMap<string, Alarm> {
  return new Map(alarms.map((alarm) => [alarm.id, alarm]));
}

export const alarms = new AlarmsState();
