/** Tells the server where this browser listens; page and service worker share it. */
import { pushKeyQuery, registerPushMutation } from '../graphql/push.ts';
import { AppError } from '../net/errors.ts';
import { request } from '../net/request.ts';

export async function serverKey(project: string): Promise<string> {
  const { project: found } = await request(pushKeyQuery, { project });
  if (!found) throw new AppError('not_found');
  return found.pushKey;
}

export function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const base64 = base64url.replaceAll('-', '+').replaceAll('_', '/');
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function base64urlOf(buffer: ArrayBuffer | null): string {
  const bytes = String.fromCharCode(...new Uint8Array(buffer ?? new ArrayBuffer(0)));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function sameKey(subscription: PushSubscription, key: string): boolean {
  return base64urlOf(subscription.options.applicationServerKey) === key.replace(/=+$/, '');
}

export async function register(
  subscription: PushSubscription,
  project: string,
  locale: string
): Promise<void> {
  const input = {
    project,
    endpoint: subscription.endpoint,
    p256dh: base64urlOf(subscription.getKey('p256dh')),
    auth: base64urlOf(subscription.getKey('auth')),
    locale,
    userAgent: navigator.userAgent
  };
  await request(registerPushMutation, { input });
}

/** The subscription for the server's key, made anew when the key has changed. */
export async function subscribe(
  registration: ServiceWorkerRegistration,
  key: string
): Promise<PushSubscription> {
  const known = await registration.pushManager.getSubscription();
  if (known && sameKey(known, key)) return known;
  await known?.unsubscribe();
  return registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytesOf(key)
  });
}
