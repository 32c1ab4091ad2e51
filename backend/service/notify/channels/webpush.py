"""Web push (RFC 8030, 8188, 8291, 8292): encryption and VAPID by `webpush`, the rest here.

We add what the package lacks: the port in `aud`, TTL per call, Urgency and Topic headers, the size
limit, sending, the push service's answers, and a list of hosts that may be called at all.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from fnmatch import fnmatch
from urllib.parse import urlsplit

import httpx
import jwt
import orjson
from pydantic import ValidationError
from webpush import VAPID, WebPush, WebPushSubscription
from webpush.types import WebPushKeys

from backend.service.notify.message import Message
from backend.service.notify.transport import TransportError
from backend.service.notify.vapid import VapidKeys

PUSH_HOSTS = (
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""Push services of the browsers; nothing else is called on a subscription's word."""
MAX_PLAINTEXT = 3993
"""Bytes that fit one encrypted record of 4,096 (RFC 8291, section 4)."""
TOKEN_LIFE_S = 12 * 3600
TTL_S = 3600
"""An energy alarm older than an hour is read in the app, not pushed."""
DECLARATIVE = 8030
LONGEST_RETRY_AFTER_S = 24 * 3600.0
"""However long a push service asks to wait."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A browser: its endpoint and the keys it gave."""

    endpoint: str
    p256dh: str
    auth: str


class _Vapid(VAPID):  # type: ignore[misc]
    """The package's token without its fault: `aud` is the endpoint's origin with its port."""

    def get_authorization_header(self, endpoint: object, subscriber: str, expiration: int) -> str:
        """The header for one endpoint; `expiration` is an absolute Unix second here."""
        parts = urlsplit(str(endpoint))
        token = jwt.encode(
            {
                "aud": f"{parts.scheme}://{parts.netloc}",
                "exp": expiration,
                "sub": f"mailto:{subscriber}",
            },
            key=self.private_key,
            algorithm="ES256",
        )
        return f"vapid t={token}, k={self.get_application_server_key(self.public_key)}"


class WebPushChannel:
    """Sends messages to browsers."""

    name = "webpush"

    def __init__(
        self,
        keys: VapidKeys,
        client: httpx.AsyncClient,
        *,
        contact: str,
        public_url: str,
        extra_hosts: Sequence[str] = (),
        real_now: Callable[[], datetime],
    ) -> None:
        """`extra_hosts` are `host:port` of one's own push services, the only ones http may reach.

        `real_now` is the real clock: tokens expire in real time even where a test runs faster.
        """
        self._push = WebPush(keys.private_pem, keys.public_pem, subscriber=contact)
        self._vapid = _Vapid(keys.private_pem, keys.public_pem)
        self._contact = contact
        self._client = client
        self._public_url = public_url.rstrip("/")
        self._extra_hosts = tuple(extra_hosts)
        self._real_now = real_now

    async def send(self, recipient: Recipient, message: Message) -> None:
        """Deliver one message to the push service; raises TransportError."""
        self._check_host(recipient.endpoint)
        body, headers = self.request(recipient, message)
        try:
            answer = await self._client.post(recipient.endpoint, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise TransportError(f"push service unreachable: {error!r}") from error
        except (httpx.InvalidURL, ValueError) as error:
            # What a browser gave as its address is none: nobody else waits for it.
            raise TransportError(f"unusable address: {error!r}", gone=True) from error
        _judge(answer, self._real_now())

    def request(self, recipient: Recipient, message: Message) -> tuple[bytes, dict[str, str]]:
        """The encrypted body and the headers of one delivery."""
        try:
            subscription = WebPushSubscription.model_validate(
                {
                    "endpoint": recipient.endpoint,
                    "keys": WebPushKeys(auth=recipient.auth, p256dh=recipient.p256dh),
                }
            )
            encrypted = self._push.get(payload(message, self._public_url), subscription, ttl=TTL_S)
        except (ValidationError, ValueError) as error:
            raise TransportError(f"unusable subscription: {error}", gone=True) from error
        expires = int(self._real_now().timestamp()) + TOKEN_LIFE_S
        return encrypted.encrypted, {
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(TTL_S),
            "urgency": "high" if message.urgent else "normal",
            "topic": topic(message.tag),
            "authorization": self._vapid.get_authorization_header(
                recipient.endpoint, self._contact, expires
            ),
        }

    def _check_host(self, endpoint: str) -> None:
        try:
            parts = urlsplit(endpoint)
            port = parts.port
        except ValueError as error:
            raise TransportError(f"unusable address: {error}", gone=True) from error
        if parts.netloc in self._extra_hosts:
            return
        known = any(fnmatch(parts.hostname or "", pattern) for pattern in PUSH_HOSTS)
        if parts.scheme != "https" or not known or port not in (None, 443):
            raise TransportError(f"not a known push service: {parts.netloc}", gone=True)


def topic(tag: str) -> str:
    """The Topic header: 32 base64url characters, so that a later message replaces an unread one."""
    return urlsafe_b64encode(hashlib.sha256(tag.encode()).digest())[:32].decode()


def payload(message: Message, public_url: str) -> bytes:
    """The declarative form, at most MAX_PLAINTEXT bytes: a body too long is shortened."""
    body = message.body
    while len(encoded := _encode(message, body, public_url)) > MAX_PLAINTEXT:
        excess = len(encoded) - MAX_PLAINTEXT
        body = body[: max(0, len(body) - max(1, excess // 4) - 1)].rstrip() + "…"
    return encoded


def _encode(message: Message, body: str, public_url: str) -> bytes:
    navigate = f"{public_url}{message.navigate}"
    notification: dict[str, object] = {
        "title": message.title,
        "body": body,
        "navigate": navigate,
        "lang": message.locale,
        "tag": message.tag,
        "silent": False,
        "app_badge": str(message.badge),
        "data": {**message.data, "navigate": message.navigate},
    }
    if message.action is not None:
        take = {"action": "take", "title": message.action, "navigate": navigate}
        notification["actions"] = [take]
    return orjson.dumps({"web_push": DECLARATIVE, "notification": notification, "mutable": True})


def _judge(answer: httpx.Response, now: datetime) -> None:
    """Turn the push service's answer into success or TransportError (RFC 8030, section 5 and 7)."""
    status = answer.status_code
    if status in (200, 201, 202, 204):
        return
    if status in (404, 410):
        raise TransportError(f"subscription gone ({status})", gone=True)
    if status == 429 or status >= 500:
        raise TransportError(f"push service says {status}", retry_after_s=_retry_after(answer, now))
    raise TransportError(f"push service refuses: {status} {answer.text[:200]}", permanent=True)


def _retry_after(answer: httpx.Response, now: datetime) -> float | None:
    value = answer.headers.get("retry-after", "")
    try:
        told = float(value) if value.isdecimal() else _seconds_until(value, now)
    except (TypeError, ValueError):
        return None
    return min(max(0.0, told), LONGEST_RETRY_AFTER_S)


def _seconds_until(date: str, now: datetime) -> float:
    return (parsedate_to_datetime(date) - now) / timedelta(seconds=1)
