/** Subscriptions over one shared websocket that comes back by itself. */
import { createClient, type Client } from 'graphql-ws';
import { textOf, type Document } from '../graphql/document.ts';

const LONGEST_WAIT_MS = 10_000;
const KEEP_ALIVE_MS = 12_000;
const PONG_MS = 5_000;

export interface SocketEvents {
  connected(): void;
  lost(): void;
  refused(): void;
}

/** 4401 and 4403: the session ended or never was. */
const REFUSED = new Set([4401, 4403]);

function isRefusal(event: unknown): boolean {
  return REFUSED.has((event as { code?: number }).code ?? 0);
}

export class Socket {
  #client: Client | undefined;
  #events: SocketEvents;
  #wake: (() => void) | undefined;

  constructor(events: SocketEvents) {
    this.#events = events;
  }

  /** Runs until the returned function is called; frames missed while away are not replayed. */
  subscribe<Result, Variables extends Record<string, unknown>>(
    document: Document<Result, Variables>,
    variables: Variables,
    next: (data: Result) => void,
    failed: (codes: string[]) => void = () => undefined
  ): () => void {
    this.#client ??= this.#open();
    return this.#client.subscribe<Result>(
      { query: textOf(document), variables },
      {
        next: ({ data, errors }) => {
          if (data) next(data);
          if (errors?.length) failed(errors.map((error) => String(error.extensions?.code)));
        },
        error: (cause) => {
          if (Array.isArray(cause)) {
            failed(cause.map((error) => String(error?.extensions?.code ?? 'error')));
          }
        },
        complete: () => undefined
      }
    );
  }

  /** Do not wait for the next try: the network is said to be back. */
  hurry(): void {
    this.#wake?.();
  }

  close(): void {
    this.#client?.dispose();
    this.#client = undefined;
  }

  #open(): Client {
    let socket: WebSocket | undefined;
    let pong: ReturnType<typeof setTimeout> | undefined;
    return createClient({
      url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
      lazy: true,
      lazyCloseTimeout: 1_000,
      keepAlive: KEEP_ALIVE_MS,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (tries) => this.#wait(Math.min(500 * 2 ** tries, LONGEST_WAIT_MS)),
      shouldRetry: (event) => !isRefusal(event),
      on: {
        opened: (opened) => (socket = opened as WebSocket),
        connected: () => this.#events.connected(),
        ping: (received) => {
          if (!received) pong = setTimeout(() => socket?.close(4408, 'no pong'), PONG_MS);
        },
        pong: (received) => {
          if (received) clearTimeout(pong);
        },
        closed: (event) => {
          clearTimeout(pong);
          if (isRefusal(event)) this.#events.refused();
          else this.#events.lost();
        }
      }
    });
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
