/** The commands of one device, kept current while its page is open. */
import { commandsSubscription, type Command } from '../graphql/devices.ts';
import { connection } from '../state/connection.svelte.ts';

export class Commands {
  list = $state.raw<Command[]>([]);

  /** Newest first, each once; a later word about one replaces the earlier. */
  put(found: readonly Command[]): void {
    this.list = merged(this.list, found);
  }

  start(project: string, device: string): () => void {
    return connection.socket.subscribe(commandsSubscription, { project }, ({ commands }) => {
      if (commands.deviceId === device) this.put([commands]);
    });
  }
}

/** A finished command never opens again, whichever answer comes last. */
export function merged(known: readonly Command[], found: readonly Command[]): Command[] {
  const byId = new Map(known.map((one) => [one.id, one]));
  for (const one of found) {
    if (!byId.get(one.id)?.finishedAt) byId.set(one.id, one);
  }
  return [...byId.values()].sort(
    (one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt)
  );
}
