/** Live values by device and point, kept current by one subscription while a screen wants them. */
import type { LiveValue } from '../graphql/fragments.ts';
import { liveSubscription, nodePowersSubscription } from '../graphql/plant.ts';
import { connection } from '../state/connection.svelte.ts';
import { keyOf, unshown } from './told.ts';

export interface Wanted {
  devices?: string[];
  keys?: string[];
}

export class LiveValues {
  #values = $state.raw<ReadonlyMap<string, LiveValue>>(new Map());
  /** Power of nodes in kW; empty before the first frame. */
  powers = $state.raw<ReadonlyMap<string, number | null>>(new Map());
  receivedAt = $state(0);

  /** Starts with what a query answered, so that the screen is never empty while frames come. */
  put(values: (LiveValue | null)[]): void {
    const next = new Map(this.#values);
    for (const value of values) {
      if (value) next.set(keyOf(value.deviceId, value.key), value);
    }
    this.#values = next;
  }

  get(known: LiveValue | null | undefined): LiveValue | null {
    if (!known) return null;
    return this.#values.get(keyOf(known.deviceId, known.key)) ?? known;
  }

  /** How many points told a value that are not among those a query answered; `mine` picks. */
  beyond(shown: readonly LiveValue[] | undefined, mine: (value: LiveValue) => boolean): number {
    return shown ? unshown(this.#values.values(), shown, mine) : 0;
  }

  start(project: string, wanted: Wanted): () => void {
    const { devices = null, keys = null } = wanted;
    return connection.socket.subscribe(liveSubscription, { project, devices, keys }, ({ live }) => {
      this.receivedAt = Date.now();
      this.put(live.values);
    });
  }

  startPowers(project: string): () => void {
    return connection.socket.subscribe(nodePowersSubscription, { project }, ({ nodePowers }) => {
      this.powers = new Map(nodePowers.map((node) => [node.id, node.powerKw]));
    });
  }
}
