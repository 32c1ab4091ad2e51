"""Web push against a service that checks the protocol and decrypts with another implementation."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from webpush import VAPID

from backend.service.notify.channels.webpush import (
    MAX_PLAINTEXT,
    Recipient,
    WebPushChannel,
    payload,
)
from backend.service.notify.message import Message
from backend.service.notify.transport import TransportError
from backend.service.notify.vapid import VapidKeys
from tests.push_service import Browser, PushService, push_service

MESSAGE = Message(
    title="Demand 4,480 kW",
    body="Stop oven 2.",
    navigate="/alarms/alm_1",
    tag="alarm-alm_1",
    locale="en",
    urgent=True,
    badge=3,
    data={"project": "demo", "alarm": "alm_1"},
    action="I take it",
)


@pytest.fixture
def service() -> Iterator[PushService]:
    """A push service on loopback."""
    with push_service() as running:
        yield running


@pytest.fixture
def keys() -> VapidKeys:
    """Fresh VAPID keys."""
    return VapidKeys(*VAPID.generate_keys())


@pytest.fixture
async def channel(service: PushService, keys: VapidKeys) -> AsyncIterator[WebPushChannel]:
    """The channel, allowed to reach the loopback service."""
    async with httpx.AsyncClient() as client:
        yield WebPushChannel(
            keys,
            client,
            contact="energy@plant.example",
            public_url="https://energy.plant.example/",
            extra_hosts=(service.host,),
            real_now=lambda: datetime.now(UTC),
        )


def of(browser: Browser) -> Recipient:
    """The recipient that a browser registers."""
    return Recipient(browser.endpoint, browser.p256dh, browser.auth)


async def test_a_message_arrives_decrypted_with_its_headers(
    service: PushService, channel: WebPushChannel, keys: VapidKeys
) -> None:
    """What the browser reads is the declarative form; TTL, Urgency and Topic are set."""
    browser = service.subscribe()
    browser.vapid_key = keys.application_server_key
    await channel.send(of(browser), MESSAGE)
    [received] = service.messages
    assert received.message == {
        "web_push": 8030,
        "mutable": True,
        "notification": {
            "title": "Demand 4,480 kW",
            "body": "Stop oven 2.",
            "navigate": "https://energy.plant.example/alarms/alm_1",
            "lang": "en",
            "tag": "alarm-alm_1",
            "silent": False,
            "app_badge": "3",
            "data": {"project": "demo", "alarm": "alm_1", "navigate": "/alarms/alm_1"},
            "actions": [
                {
                    "action": "take",
                    "title": "I take it",
                    "navigate": "https://energy.plant.example/alarms/alm_1",
                }
            ],
        },
    }
    assert received.headers["ttl"] == "3600"
    assert received.headers["urgency"] == "high"
    assert len(received.headers["topic"]) == 32
    assert received.claims["aud"] == service.origin
    assert received.claims["sub"] == "mailto:energy@plant.example"
    assert service.faults == []


async def test_a_long_body_is_shortened_to_one_record(
    service: PushService, channel: WebPushChannel
) -> None:
    """Chinese text of 9,000 bytes still arrives, shortened, within 4,096 encrypted bytes."""
    long = replace(MESSAGE, body="需量" * 1500)
    assert len(payload(long, "https://energy.plant.example")) <= MAX_PLAINTEXT
    await channel.send(of(service.subscribe()), long)
    body = service.messages[0].message["notification"]["body"]
    assert body.startswith("需量需量")
    assert body.endswith("…")
    assert len(body) > 900


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "gone", "retry_after_s"),
    [
        (404, {}, True, True, None),
        (410, {}, True, True, None),
        (413, {}, True, False, None),
        (429, {"retry-after": "120"}, False, False, 120.0),
        (500, {}, False, False, None),
        (503, {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, False, False, 0.0),
    ],
)
async def test_what_the_service_answers_decides_the_retry(
    service: PushService,
    channel: WebPushChannel,
    status: int,
    headers: dict[str, str],
    permanent: bool,
    gone: bool,
    retry_after_s: float | None,
) -> None:
    """Gone, refused for good, or again later: as RFC 8030 has it."""
    service.answers.append((status, headers))
    with pytest.raises(TransportError) as failed:
        await channel.send(of(service.subscribe()), MESSAGE)
    assert failed.value.permanent is permanent
    assert failed.value.gone is gone
    assert failed.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:1/push/x",
        "https://169.254.169.254/latest",
        "https://fcm.googleapis.com.evil.example/x",
        "https://fcm.googleapis.com:8443/x",
        "http://fcm.googleapis.com/x",
    ],
)
async def test_no_other_host_is_called(
    service: PushService, channel: WebPushChannel, endpoint: str
) -> None:
    """A subscription cannot make the platform call an address of its choice."""
    recipient = replace(of(service.subscribe()), endpoint=endpoint)
    with pytest.raises(TransportError, match="not a known push service") as failed:
        await channel.send(recipient, MESSAGE)
    assert failed.value.gone


async def test_a_silent_service_is_tried_again(keys: VapidKeys) -> None:
    """A refused connection is a fault that passes."""
    with push_service() as stopped:
        browser = stopped.subscribe()
    async with httpx.AsyncClient() as client:
        channel = WebPushChannel(
            keys,
            client,
            contact="a@b.example",
            public_url="http://localhost:8000",
            extra_hosts=(stopped.host,),
            real_now=lambda: datetime.now(UTC),
        )
        with pytest.raises(TransportError) as failed:
            await channel.send(of(browser), MESSAGE)
    assert not failed.value.permanent
