/**
 * A push message as a notification: the one reading of the declarative web push form, shared by
 * the service worker (which shows it) and the page (which shows it while it is in front).
 */
export interface PushContent {
  title: string;
  body: string;
  navigate: string;
  tag: string;
  lang: string;
  badge: number | null;
  project: string | null;
  alarm: string | null;
  /** Label of the "I take it" action; null where there is nothing to take. */
  take: string | null;
}

type Json = Record<string, unknown>;
export type WorkerTexts = Record<string, Record<string, string>>;

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Only paths of this app are opened, whatever a message says. */
function path(value: unknown): string {
  const wanted = text(value);
  if (!wanted) return '/alarms';
  const url = new URL(wanted, 'https://app.invalid');
  const own =
    url.origin === 'https://app.invalid' || wanted.startsWith(globalThis.location?.origin);
  return own ? url.pathname + url.search : '/alarms';
}

function takeLabel(data: Json, alarm: string | null, texts: Record<string, string>): string | null {
  if (!alarm) return null;
  const actions = Array.isArray(data.actions) ? data.actions : [];
  const action = record(actions[0]);
  return text(action.title) ?? texts['worker.take'] ?? null;
}

/** Never fails: a message that cannot be read still becomes a notification. */
export function readPush(message: unknown, locale: string, texts: WorkerTexts): PushContent {
  const notification = record(record(message).notification);
  const data = record(notification.data);
  const lang = text(notification.lang) ?? locale;
  const words = texts[lang] ?? texts.en ?? {};
  const alarm = text(data.alarm);
  const badge = Number(notification.app_badge);
  return {
    title: text(notification.title) ?? 'Kilowise',
    body: text(notification.body) ?? words['worker.unread'] ?? '',
    navigate: path(notification.navigate),
    tag: text(notification.tag) ?? 'kilowise',
    lang,
    badge: Number.isInteger(badge) && badge >= 0 ? badge : null,
    project: text(data.project),
    alarm,
    take: takeLabel(data, alarm, words)
  };
}

/** Options for `showNotification`; `actions` is not yet in every browser's types. */
export function notificationOptions(content: PushContent): NotificationOptions {
  const { body, tag, lang, navigate, project, alarm } = content;
  const options: NotificationOptions & { renotify: boolean; actions: unknown[] } = {
    body,
    tag,
    lang,
    renotify: true,
    icon: '/icons/icon-192.png',
    badge: '/icons/badge.png',
    data: { navigate, project, alarm, title: content.title, lang },
    actions: content.take ? [{ action: 'acknowledge', title: content.take }] : []
  };
  return options;
}
