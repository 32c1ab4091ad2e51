/** Sends waiting acknowledgements and tells open pages what was sent. */
import { self } from '$app/service-worker';
import { acknowledgeMutation } from '../lib/graphql/acknowledge.ts';
import { request } from '../lib/net/request.ts';
import { flush, type Flushed } from '../lib/store/outbox.ts';

export async function tellPages(message: unknown): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const page of pages) page.postMessage(message);
}

export async function flushOutbox(): Promise<Flushed[]> {
  const flushed = await flush(
    async (input) => (await request(acknowledgeMutation, { input })).acknowledge,
    () => Date.now()
  );
  if (flushed.length > 0) await tellPages({ type: 'flushed', flushed });
  return flushed;
}
