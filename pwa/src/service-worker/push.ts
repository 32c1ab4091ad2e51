/** Push messages, taps on notifications, and a subscription that the browser has replaced. */
import { self } from '$app/service-worker';
import { notificationOptions, readPush } from '../lib/alarm/notification.ts';
import { register, serverKey, subscribe } from '../lib/push/register.ts';
import { recall } from '../lib/store/database.ts';
import { enqueue, pendingAlarms } from '../lib/store/outbox.ts';
import { flushOutbox, tellPages } from './outbox.ts';

declare const __WORKER_TEXTS__: Record<string, Record<string, string>>;

interface NotificationData {
  navigate: string;
  project: string | null;
  alarm: string | null;
  title: string;
  lang: string;
}

async function locale(): Promise<string> {
  return String((await recall('locale').catch(() => undefined)) ?? 'en');
}

function jsonOf(data: PushMessageData | null): unknown {
  try {
    return data?.json();
  } catch {
    return undefined;
  }
}

/** Always shows a notification: browsers withdraw the permission from those that do not. */
export async function onPush(data: PushMessageData | null): Promise<void> {
  const content = readPush(jsonOf(data), await locale(), __WORKER_TEXTS__);
  await self.registration.showNotification(content.title, notificationOptions(content));
  if (content.badge !== null) await setBadge(content.badge);
  await tellPages({ type: 'pushed', alarm: content.alarm });
  await flushOutbox().catch(() => undefined);
}

async function setBadge(count: number): Promise<void> {
  const { navigator } = self as unknown as { navigator: Partial<NavigatorBadge> };
  if (count === 0) await navigator.clearAppBadge?.();
  else await navigator.setAppBadge?.(count);
}

export async function onNotificationClick(event: NotificationEvent): Promise<void> {
  const data = event.notification.data as NotificationData;
  event.notification.close();
  if (event.action === 'acknowledge' && data.alarm && data.project) await take(data);
  else await openPage(data.navigate);
}

async function take(data: NotificationData): Promise<void> {
  const alarm = data.alarm ?? '';
  await enqueue({
    project: data.project ?? '',
    alarm,
    key: crypto.randomUUID(),
    deviceTime: new Date().toISOString(),
    offsetMs: Number((await recall('offset')) ?? 0),
    channel: 'notification'
  });
  const flushed = await flushOutbox();
  const answer = flushed.find((one) => one.alarm === alarm);
  const waiting = (await pendingAlarms()).includes(alarm);
  await confirm(
    data,
    answer?.code ? 'worker.refused' : waiting ? 'worker.waiting' : 'worker.taken'
  );
}

async function confirm(data: NotificationData, key: string): Promise<void> {
  const texts = __WORKER_TEXTS__[data.lang] ?? __WORKER_TEXTS__.en ?? {};
  await self.registration.showNotification(texts[key] ?? '', {
    body: data.title,
    tag: `taken-${data.alarm}`,
    lang: data.lang,
    silent: true,
    icon: '/icons/icon-192.png',
    badge: '/icons/badge.png',
    data: { ...data }
  });
}

/** An open page comes to the front and goes there; else a new one opens. */
async function openPage(path: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = pages.find((candidate) => candidate.focused) ?? pages[0];
  if (!page) {
    await self.clients.openWindow(path);
    return;
  }
  page.postMessage({ type: 'open', path });
  await page.focus();
}

export async function onSubscriptionChange(): Promise<void> {
  const project = await recall('project');
  if (typeof project !== 'string') return;
  const subscription = await subscribe(self.registration, await serverKey(project));
  await register(subscription, project, await locale());
}
