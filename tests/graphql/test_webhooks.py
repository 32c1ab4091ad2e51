"""Webhooks: made over REST, delivered to a real receiver, tried again, given up, replayed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import psycopg
import pytest

from backend.application.web import build_app
from backend.application.web_process import make_process
from backend.core.clock import ManualClock
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.webhooks import sending
from backend.service.webhooks.hosts import may_call
from backend.service.webhooks.sending import MAX_TRIES, Sender
from tests.graphql.conftest import BASE, session_token
from tests.graphql.receivers import Receiver, receiver
from tests.postgres import NOW, Actor, MakePerson

AT = "/api/v1/webhooks"


@dataclass(frozen=True, slots=True)
class Desk:
    """A receiver, a client of somebody who may make webhooks, and who delivers."""

    there: Receiver
    opened: httpx.AsyncClient
    sender: Sender
    platform: Platform
    clock: ManualClock
    project: int

    async def make(self, *kinds: str) -> dict[str, str]:
        """Make a webhook to the receiver."""
        body = {"url": f"http://{self.there.host}/hook", "kinds": list(kinds)}
        response = await self.opened.post(f"{AT}?project=acme", json=body)
        assert response.status_code == 201, response.text
        made: dict[str, str] = response.json()
        return made

    async def happens(self, kind: str, ref: str) -> None:
        """An event of the project."""
        async with self.platform.database.project(self.project) as tx:
            await publish(tx, self.project, kind, ref, self.clock.now())

    async def deliver(self) -> int:
        """Send what is due; how many were tried."""
        return await self.sender.round(self.project, "acme")

    async def deliveries(self, hook: str) -> list[dict[str, object]]:
        """What was told, newest first."""
        response = await self.opened.get(f"{AT}/{hook}/deliveries?project=acme")
        found: list[dict[str, object]] = response.json()["items"]
        return found


@pytest.fixture
async def desk(
    platform: Platform, clock: ManualClock, alice: Actor, make_person: MakePerson
) -> AsyncIterator[Desk]:
    """The receiver listens; only its port may be called."""
    boss = await make_person("boss", alice.tenant, role="administrator")
    async with receiver() as there:
        settings = Settings(data=platform.settings.data, webhook_hosts=(there.host,))
        platform = replace(platform, settings=settings)
        process = make_process(platform)
        async with (
            httpx.AsyncClient(
                transport=httpx.ASGITransport(build_app(process)), base_url=BASE
            ) as opened,
            httpx.AsyncClient(timeout=0.5, trust_env=False) as out,
        ):
            opened.cookies.set("kilowise", await session_token(process, boss))
            sender = Sender(platform.database, clock, out, settings.webhook_hosts)
            yield Desk(there, opened, sender, platform, clock, alice.tenant.id)


async def test_events_are_told_signed_and_once(desk: Desk) -> None:
    await desk.happens("alarm", str(new_uuid(NOW)))
    made = await desk.make("alarm", "model")
    alarm = new_uuid(NOW)
    await desk.happens("alarm", str(alarm))
    await desk.happens("command", str(new_uuid(NOW)))
    await desk.happens("model", "site")
    assert await desk.deliver() == 2
    assert sorted(desk.there.bodies, key=str) == [
        {
            "type": "alarm",
            "timestamp": "2026-03-15T04:00:00Z",
            "data": {"project": "acme", "ref": encode_id("alm", alarm)},
        },
        {
            "type": "model",
            "timestamp": "2026-03-15T04:00:00Z",
            "data": {"project": "acme", "ref": "site"},
        },
    ]
    assert desk.there.signed_with(made["signing_key"])
    assert not desk.there.signed_with("whsec_bm90aGluZw==")
    assert await desk.deliver() == 0
    told = await desk.deliveries(made["id"])
    assert {(one["kind"], one["state"], one["tries"], one["status"]) for one in told} == {
        ("alarm", "sent", 1, 204),
        ("model", "sent", 1, 204),
    }
    assert {one["id"] for one in told} == set(desk.there.ids)


async def test_what_fails_is_tried_again_with_the_same_id(desk: Desk) -> None:
    made = await desk.make("alarm")
    await desk.happens("alarm", str(new_uuid(NOW)))
    desk.there.answers[:] = [500, 0, 204]
    assert await desk.deliver() == 1
    [told] = await desk.deliveries(made["id"])
    assert (told["state"], told["status"], told["error"]) == ("pending", 500, "it answered 500")
    assert told["next_at"] == "2026-03-15T04:00:05Z"
    assert await desk.deliver() == 0
    await desk.clock.advance(5)
    assert await desk.deliver() == 1
    [told] = await desk.deliveries(made["id"])
    assert (told["state"], told["tries"], told["status"]) == ("pending", 2, None)
    assert "ReadTimeout" in str(told["error"])
    await desk.clock.advance(20)
    assert await desk.deliver() == 1
    [told] = await desk.deliveries(made["id"])
    assert (told["state"], told["tries"]) == ("sent", 3)
    assert len(set(desk.there.ids)) == 1


async def test_what_is_given_up_can_be_replayed(desk: Desk) -> None:
    made = await desk.make("alarm")
    await desk.happens("alarm", str(new_uuid(NOW)))
    desk.there.answers[:] = [503] * MAX_TRIES
    for _ in range(MAX_TRIES):
        assert await desk.deliver() == 1
        await desk.clock.advance(3600)
    assert await desk.deliver() == 0
    [hook] = (await desk.opened.get(f"{AT}?project=acme")).json()
    assert (hook["pending"], hook["dead"]) == (0, 1)
    path = f"{AT}/{made['id']}/replay?project=acme"
    assert (await desk.opened.post(path)).json() == {"replayed": 1}
    assert await desk.deliver() == 1
    [told] = await desk.deliveries(made["id"])
    assert told["state"] == "sent"
    again = await desk.opened.post(path)
    assert (again.status_code, again.json()["code"]) == (409, "webhook_nothing")
    assert (await desk.opened.post(f"{path}&delivery={told['id']}")).json() == {"replayed": 1}
    assert await desk.deliver() == 1
    assert len(set(desk.there.ids)) == 1


async def test_a_replaced_secret_signs_for_a_day_beside_the_new_one(desk: Desk) -> None:
    made = await desk.make("alarm")
    new = (await desk.opened.post(f"{AT}/{made['id']}/signing-key?project=acme")).json()[
        "signing_key"
    ]
    await desk.happens("alarm", str(new_uuid(NOW)))
    await desk.deliver()
    assert desk.there.signed_with(new)
    assert desk.there.signed_with(made["signing_key"])
    await desk.clock.advance(86_400)
    await desk.happens("alarm", str(new_uuid(NOW)))
    await desk.deliver()
    assert desk.there.signed_with(new)
    assert not desk.there.signed_with(made["signing_key"])


async def test_an_ended_webhook_and_one_to_nowhere_are_told_nothing(
    desk: Desk, admin: psycopg.Connection
) -> None:
    made = await desk.make("alarm")
    await desk.happens("alarm", str(new_uuid(NOW)))
    admin.execute("UPDATE webhook SET url = 'http://127.0.0.1:1/'")
    await desk.deliver()
    [told] = await desk.deliveries(made["id"])
    assert told["error"] == "this address may not be called"
    assert (await desk.opened.delete(f"{AT}/{made['id']}?project=acme")).status_code == 204
    await desk.happens("alarm", str(new_uuid(NOW)))
    await desk.clock.advance(3600)
    assert await desk.deliver() == 0
    assert desk.there.requests == []
    assert (await desk.opened.get(f"{AT}?project=acme")).json() == []


async def test_what_waits_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_PENDING", 1)
    made = await desk.make("alarm")
    desk.there.answers[:] = [500]
    for _ in range(2):
        await desk.happens("alarm", str(new_uuid(NOW)))
        await desk.deliver()
    assert [one["state"] for one in await desk.deliveries(made["id"])] == ["dead", "pending"]
    assert len(desk.there.requests) == 1


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://hooks.example.com/in?x=1", True),
        ("https://hooks.example.com:443/", True),
        ("http://10.0.0.5:8080/x", True),
        ("http://hooks.example.com/", False),
        ("https://hooks.example.com:8443/", False),
        ("https://example.com/", False),
        ("https://hooks.example.com.evil.net/", False),
        ("https://user@hooks.example.com/", False),
        ("https://hooks.example.com@evil.net/", False),
        ("http://10.0.0.5:80800/x", False),
        ("http://10.0.0.5/x", False),
        ("http://169.254.169.254/", False),
        ("ftp://10.0.0.5:8080/", False),
        ("https://hooks.example.com/\n", False),
        ("nonsense", False),
    ],
)
def test_where_webhooks_may_go(url: str, may: bool) -> None:
    assert may_call(url, ("*.example.com", "10.0.0.5:8080")) is may


async def test_addresses_beyond_the_list_are_refused(desk: Desk) -> None:
    for body, code in (
        ({"url": "http://127.0.0.1:22/", "kinds": ["alarm"]}, "webhook_host"),
        ({"url": f"http://{desk.there.host}/", "kinds": ["gossip"]}, "invalid_input"),
        ({"url": f"http://{desk.there.host}/", "kinds": []}, "invalid_input"),
    ):
        response = await desk.opened.post(f"{AT}?project=acme", json=body)
        assert (response.status_code, response.json()["code"]) == (422, code)
