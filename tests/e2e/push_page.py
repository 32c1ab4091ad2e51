"""What the internet does for push, done by hand: subscribing, and delivery to the service worker.

`pushManager.subscribe` would register at the browser maker's push service; here the page gets the
keys of a subscription at `tests.push_service` instead, whose decrypted messages Chromium delivers
to the real service worker by its own debugging protocol.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Worker

from tests.e2e.browser import Phone
from tests.push_service import Browser, Received

_SUBSCRIBE = """
(() => {
  const given = %s;
  const bytes = (text) => {
    const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
    return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)).buffer;
  };
  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  let current = null;
  PushManager.prototype.getSubscription = async () => current;
  PushManager.prototype.subscribe = async (options) => {
    if (Notification.permission !== 'granted') throw new DOMException('', 'NotAllowedError');
    const key = options.applicationServerKey;
    const applicationServerKey = key.buffer ?? key;
    globalThis.subscribedWith = encode(applicationServerKey);
    current = {
      endpoint: given.endpoint,
      expirationTime: null,
      options: { userVisibleOnly: options.userVisibleOnly, applicationServerKey },
      getKey: (name) => bytes(given[name]),
      unsubscribe: async () => { current = null; return true; }
    };
    return current;
  };
})();
"""

_CLICK = """
async ([tag, action]) => {
  const notification = (await self.registration.getNotifications()).find((n) => n.tag === tag);
  if (!notification) throw new Error(`no notification ${tag}`);
  const event = new NotificationEvent('notificationclick', { notification, action });
  const waiting = [];
  Object.defineProperty(event, 'waitUntil', { value: (promise) => waiting.push(promise) });
  self.dispatchEvent(event);
  await Promise.all(waiting);
  return waiting.length;
}
"""

_HEAR = """() => {
  globalThis.heardPush = new Promise((heard, failed) => {
    setTimeout(() => failed(new Error('the service worker told nothing')), 20_000);
    navigator.serviceWorker.addEventListener('message', ({ data }) => {
      if (data.type === 'pushed') heard();
    });
  });
}"""

_SHOWN = """
async () => (await self.registration.getNotifications()).map(
  ({ tag, title, body, lang, data, actions }) => ({ tag, title, body, lang, data, actions })
)
"""


def subscribing(subscription: Browser) -> str:
    """The script that makes `pushManager.subscribe` answer this subscription."""
    given = {
        "endpoint": subscription.endpoint,
        "p256dh": subscription.p256dh,
        "auth": subscription.auth,
    }
    return _SUBSCRIBE % json.dumps(given)


class ServiceWorker:
    """The page's service worker: messages go in by DevTools, notifications are read from inside."""

    def __init__(self, phone: Phone) -> None:
        """Watch the registrations of the phone's page; waits until there is an active one."""
        self._phone = phone
        self._registration = ""
        self._cdp: CDPSession = phone.cdp()
        self._cdp.on("ServiceWorker.workerRegistrationUpdated", self._registered)
        self._cdp.send("ServiceWorker.enable")
        phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        while not self._registration:
            phone.page.wait_for_timeout(50)

    def _registered(self, event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if not one["isDeleted"]:
                self._registration = one["registrationId"]

    def deliver(self, message: Received) -> None:
        """Give the decrypted message to the worker's `push` event; returns when it was shown.

        Asked for before it is shown, Chromium takes a notification for one that was dismissed.
        """
        self._phone.page.evaluate(_HEAR)
        parts = urlsplit(self._phone.page.url)
        self._cdp.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": f"{parts.scheme}://{parts.netloc}",
                "registrationId": self._registration,
                "data": json.dumps(message.message, ensure_ascii=False),
            },
        )
        self._phone.page.evaluate("() => globalThis.heardPush")

    def notifications(self) -> list[dict[str, Any]]:
        """What stands in the notification shade."""
        found: list[dict[str, Any]] = self._worker().evaluate(_SHOWN)
        return found

    def wait_notification(self, tag: str) -> dict[str, Any]:
        """The notification with a tag, once it is there."""
        for _ in range(200):
            for one in self.notifications():
                if one["tag"] == tag:
                    return one
            self._phone.page.wait_for_timeout(50)
        raise AssertionError(f"no notification {tag}: {self.notifications()}")

    def click(self, tag: str, action: str = "") -> None:
        """Tap the notification, or one of its actions; returns when the worker is done with it.

        An event made by a script cannot extend its life, so it carries a `waitUntil` of its own.
        """
        assert self._worker().evaluate(_CLICK, [tag, action]) == 1

    def _worker(self) -> Worker:
        while not self._phone.context.service_workers:
            self._phone.page.wait_for_timeout(50)
        return self._phone.context.service_workers[0]
