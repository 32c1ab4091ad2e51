/**
 * The service worker: the app opens without a network, pushes become notifications, and an alarm
 * is taken from its notification even when no page is open.
 */
import { self } from '$app/service-worker';
import { dropOldShells, answerFromShell, storeShell } from './shell.ts';
import { onNotificationClick, onPush, onSubscriptionChange } from './push.ts';
import { flushOutbox } from './outbox.ts';

self.addEventListener('install', (event) => event.waitUntil(storeShell()));

self.addEventListener('activate', (event) =>
  event.waitUntil(
    dropOldShells()
      .then(() => self.clients.claim())
      .then(() => flushOutbox())
  )
);

self.addEventListener('fetch', (event) => {
  const answer = answerFromShell(event.request);
  if (answer) event.respondWith(answer);
});

self.addEventListener('push', (event) => event.waitUntil(onPush(event.data)));
self.addEventListener('notificationclick', (event) => event.waitUntil(onNotificationClick(event)));
self.addEventListener('pushsubscriptionchange', (event) =>
  (event as ExtendableEvent).waitUntil(onSubscriptionChange())
);

self.addEventListener('message', (event) => {
  if (event.data?.type === 'take-over') event.waitUntil(self.skipWaiting());
  if (event.data?.type === 'flush') event.waitUntil(flushOutbox());
});
