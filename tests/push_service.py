"""A push service on loopback that checks the protocol and decrypts what browsers would receive.

Independent of the code under test: decryption by `http_ece` (RFC 8188/8291), the VAPID token is
verified by hand with `cryptography` (RFC 8292). Every fault is an HTTP 400 that names it, as real
push services answer; `messages` are the notifications accepted, decrypted.
"""

import json
import re
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_bytes, token_urlsafe
from typing import Any

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAX_BODY = 4096
DAY_S = 86_400


class ProtocolFault(Exception):
    """The request breaks the protocol; the text says how."""


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted delivery."""

    subscription: str
    headers: dict[str, str]
    message: dict[str, Any]
    claims: dict[str, Any]
    at: float


@dataclass(slots=True)
class Browser:
    """A subscription as a browser holds it: its private key never leaves it."""

    name: str
    endpoint: str
    key: ec.EllipticCurvePrivateKey
    secret: bytes
    vapid_key: str | None = None

    @property
    def p256dh(self) -> str:
        """The public key, base64url, as `subscription.toJSON()` gives it."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return encoded(point)

    @property
    def auth(self) -> str:
        """The authentication secret, base64url."""
        return encoded(self.secret)


@dataclass(slots=True)
class PushService:
    """Subscriptions and what they received; `answers` are statuses to give before accepting."""

    origin: str
    browsers: dict[str, Browser] = field(default_factory=dict)
    messages: list[Received] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def host(self) -> str:
        """host:port, for KILOWISE_PUSH_HOSTS."""
        return self.origin.removeprefix("http://")

    def subscribe(self) -> Browser:
        """A new subscription."""
        name = token_urlsafe(12)
        browser = Browser(
            name,
            f"{self.origin}/push/{name}",
            ec.generate_private_key(ec.SECP256R1()),
            token_bytes(16),
        )
        self.browsers[name] = browser
        return browser

    def wait(self, count: int, timeout_s: float = 60.0) -> list[Received]:
        """The messages once there are at least `count`; raises with the faults otherwise."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.messages) >= count, timeout_s):
                raise AssertionError(
                    f"{len(self.messages)} of {count} messages; faults: {self.faults}"
                )
            return list(self.messages)

    def accept(self, name: str, headers: dict[str, str], body: bytes) -> None:
        """Check and decrypt one delivery; raises ProtocolFault."""
        browser = self.browsers.get(name)
        if browser is None:
            raise KeyError(name)
        _check_headers(headers, body)
        claims = _check_vapid(headers.get("authorization", ""), self.origin, browser)
        plain = http_ece.decrypt(
            body, private_key=browser.key, auth_secret=browser.secret, version="aes128gcm"
        )
        message = json.loads(plain)
        _check_declarative(message)
        with self._arrived:
            self.messages.append(Received(name, headers, message, claims, time.monotonic()))
            self._arrived.notify_all()


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Bytes of base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _check_headers(headers: dict[str, str], body: bytes) -> None:
    if headers.get("content-encoding") != "aes128gcm":
        raise ProtocolFault(f"content-encoding {headers.get('content-encoding')!r}")
    if not re.fullmatch(r"\d+", headers.get("ttl", "")):
        raise ProtocolFault(f"ttl {headers.get('ttl')!r}")
    if headers.get("urgency") not in ("very-low", "low", "normal", "high"):
        raise ProtocolFault(f"urgency {headers.get('urgency')!r}")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", headers.get("topic", "")):
        raise ProtocolFault(f"topic {headers.get('topic')!r}")
    if len(body) > MAX_BODY:
        raise ProtocolFault(f"{len(body)} bytes")


def _check_vapid(header: str, origin: str, browser: Browser) -> dict[str, Any]:
    found = re.fullmatch(r"vapid t=([^.]+)\.([^.]+)\.([^,]+), ?k=(.+)", header)
    if found is None:
        raise ProtocolFault(f"authorization {header!r}")
    head, claims_part, signature, key = found.groups()
    if json.loads(decoded(head)).get("alg") != "ES256":
        raise ProtocolFault("alg is not ES256")
    raw = decoded(signature)
    der = utils.encode_dss_signature(
        int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    )
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key))
    try:
        public.verify(der, f"{head}.{claims_part}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise ProtocolFault("signature does not verify") from error
    if browser.vapid_key is not None and browser.vapid_key != key:
        raise ProtocolFault("another key than the browser subscribed with")
    claims: dict[str, Any] = json.loads(decoded(claims_part))
    if claims.get("aud") != origin:
        raise ProtocolFault(f"aud {claims.get('aud')!r} is not {origin!r}")
    left = claims.get("exp", 0) - time.time()
    if not 0 < left <= DAY_S:
        raise ProtocolFault(f"exp in {left} s")
    if not str(claims.get("sub", "")).startswith(("mailto:", "https:")):
        raise ProtocolFault(f"sub {claims.get('sub')!r}")
    return claims


def _check_declarative(message: dict[str, Any]) -> None:
    notification = message.get("notification", {})
    if message.get("web_push") != 8030 or not notification.get("title"):
        raise ProtocolFault("not a declarative message")
    if not notification.get("navigate"):
        raise ProtocolFault("a declarative notification must navigate")


class _Handler(BaseHTTPRequestHandler):
    """Answers deliveries of the service of its server."""

    server: "_Server"

    def do_POST(self) -> None:
        """Accept a delivery, or give the answer that the test ordered."""
        service = self.server.service
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if service.answers:
            self._answer(*service.answers.pop(0))
            return
        try:
            service.accept(self.path.removeprefix("/push/"), headers, body)
        except KeyError:
            self._answer(410, {})
        except (ProtocolFault, ValueError) as fault:
            service.faults.append(str(fault))
            self._answer(400, {})
        else:
            self._answer(201, {"location": f"{service.origin}/m/{token_urlsafe(8)}"})

    def _answer(self, status: int, extra: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """The HTTP server that knows its service."""

    service: PushService


@contextmanager
def push_service() -> Iterator[PushService]:
    """Run the service on a free loopback port until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.service = PushService(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
