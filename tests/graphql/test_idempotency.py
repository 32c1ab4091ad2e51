"""Idempotency-Key: sent again, a write acts once and is answered as before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.application.rest.app import build_rest
from backend.application.web_process import WebProcess, make_process
from backend.core.clock import ManualClock
from backend.core.db import WriteSession
from backend.core.platform import Platform
from backend.core.seal import Seal
from backend.service.integration import answered
from backend.service.integration.answered import Answer, Asked
from backend.service.people import keys
from backend.service.people.keys import Wanted
from backend.service.people.limits import Limit
from backend.service.people.roles import Permission
from backend.service.projects.upkeep import keep_projects
from tests.graphql.conftest import BASE, session_token
from tests.graphql.walk.people import changing
from tests.postgres import NOW, Actor, MakePerson, MakeProject

AT = "/api/v1/webhooks?project=acme"
ORDER = {"url": "https://hooks.example.com/a", "kinds": ["alarm"]}
OTHER = {"url": "https://hooks.example.com/b", "kinds": ["alarm"]}
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
REPLAYED = "idempotency-replayed"


@dataclass(frozen=True, slots=True)
class Desk:
    """The app around a project, whoever may make webhooks there, and what the database holds."""

    process: WebProcess
    app: ASGIApp
    boss: Actor
    admin: psycopg.Connection
    clients: AsyncExitStack

    async def client(
        self, whose: Actor | None = None, *, app: ASGIApp | None = None
    ) -> httpx.AsyncClient:
        """A client of a person who is signed in, or of the boss."""
        transport = httpx.ASGITransport(app or self.app)
        opened = await self.clients.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url=BASE)
        )
        opened.cookies.set("kilowise", await session_token(self.process, whose or self.boss))
        return opened

    def count(self, table: str = "webhook") -> int:
        """How many rows of a table there are, in all projects."""
        found = self.admin.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert found is not None
        return int(found[0])


@pytest.fixture
async def desk(
    platform: Platform, alice: Actor, make_person: MakePerson, admin: psycopg.Connection
) -> AsyncIterator[Desk]:
    """Webhooks may go to one host."""
    settings = platform.settings.model_copy(update={"webhook_hosts": ("hooks.example.com",)})
    boss = await make_person("boss", alice.tenant, role="administrator")
    async with AsyncExitStack() as clients:
        process = make_process(replace(platform, settings=settings))
        rest = Starlette(routes=[Mount("/api/v1", build_rest(process))])
        yield Desk(process, rest, boss, admin, clients)


async def test_a_repeat_is_answered_alike_and_acts_once(desk: Desk) -> None:
    client = await desk.client()
    first = await client.post(AT, json=ORDER, headers=KEY)
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    again = await client.post(AT, json=ORDER, headers=KEY)
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    assert again.content == first.content
    assert again.headers["content-type"] == "application/json"
    assert desk.count() == 1
    # What is kept of it tells no secret.
    [row] = desk.admin.execute("SELECT body FROM answered_request").fetchall()
    assert first.json()["signing_key"].encode() not in bytes(row[0])
    other = await client.post(AT, json=ORDER, headers={"Idempotency-Key": "another"})
    assert other.json()["id"] != first.json()["id"]
    assert (await client.post(AT, json=ORDER)).status_code == 201
    assert desk.count() == 3


async def test_an_answer_without_a_body_is_answered_again(desk: Desk) -> None:
    client = await desk.client()
    hook = (await client.post(AT, json=ORDER)).json()["id"]
    ending = f"/api/v1/webhooks/{hook}?project=acme"
    first = await client.delete(ending, headers=KEY)
    again = await client.delete(ending, headers=KEY)
    assert [one.status_code for one in (first, again)] == [204, 204]
    assert (again.content, again.headers[REPLAYED]) == (b"", "true")
    assert (await client.delete(ending)).status_code == 404


async def test_a_key_belongs_to_one_request(desk: Desk) -> None:
    client = await desk.client()
    await client.post(AT, json=ORDER, headers=KEY)
    for order, at in ((OTHER, AT), (ORDER, f"{AT}&x=1")):
        wrong = await client.post(at, json=order, headers=KEY)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "idempotency_other")
        assert wrong.headers["content-type"] == "application/problem+json"
        assert wrong.json()["next"] == "errors.idempotency_other.next"
    long = await client.post(AT, json=ORDER, headers={"Idempotency-Key": "x" * 201})
    assert long.json()["params"]["fields"] == ["header.Idempotency-Key"]
    assert desk.count() == 1


async def test_what_was_refused_may_be_sent_corrected(desk: Desk) -> None:
    client = await desk.client()
    bad = {"url": "https://elsewhere.example", "kinds": ["alarm"]}
    refused = await client.post(AT, json=bad, headers=KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "webhook_host")
    made = await client.post(AT, json=ORDER, headers=KEY)
    assert (made.status_code, REPLAYED in made.headers) == (201, False)


async def test_while_the_first_is_under_way_its_repeat_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, acted, go_on = await desk.client(), asyncio.Event(), asyncio.Event()
    keep = answered.keep

    async def slowly(
        tx: WriteSession, asked: Asked, answer: Answer, seal: Seal, now: object
    ) -> None:
        acted.set()
        await go_on.wait()
        await keep(tx, asked, answer, seal, NOW)

    monkeypatch.setattr(answered, "keep", slowly)
    first = asyncio.create_task(client.post(AT, json=ORDER, headers=KEY))
    await acted.wait()
    second = await client.post(AT, json=ORDER, headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_running")
    assert second.headers["retry-after"] == "1"
    go_on.set()
    made = await first
    again = await client.post(AT, json=ORDER, headers=KEY)
    assert (again.content, again.headers[REPLAYED]) == (made.content, "true")
    assert desk.count() == 1


class Killed(Exception):
    """The process died here."""


async def test_whenever_the_process_dies_it_acts_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dying(scope: Scope, receive: Receive, send: Send) -> None:
        async def nothing_sent(_: Message) -> None:
            raise Killed

        await desk.app(scope, receive, nothing_sent)

    async def before(*_: object) -> None:
        raise Killed

    # Before the commit: nothing has happened, so the repeat acts.
    client, doomed = await desk.client(), await desk.client(app=dying)
    with monkeypatch.context() as patched:
        patched.setattr(answered, "keep", before)
        with pytest.raises(Killed):
            await client.post(AT, json=ORDER, headers=KEY)
    assert (desk.count(), desk.count("answered_request")) == (0, 0)
    # Behind it, with nothing sent: it has acted, so the repeat is answered.
    with pytest.raises(Killed):
        await doomed.post(AT, json=ORDER, headers=KEY)
    assert (desk.count(), desk.count("answered_request")) == (1, 1)
    again = await client.post(AT, json=ORDER, headers=KEY)
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    assert desk.count() == 1


async def test_after_a_day_the_key_is_free(desk: Desk, clock: ManualClock) -> None:
    client = await desk.client()
    first = await client.post(AT, json=ORDER, headers=KEY)
    await clock.advance(timedelta(hours=24).total_seconds() - 1)
    await keep_projects(desk.process.platform)
    client = await desk.client()
    assert (await client.post(AT, json=ORDER, headers=KEY)).content == first.content
    await clock.advance(1)
    later = await client.post(AT, json=OTHER, headers=KEY)
    assert (later.status_code, REPLAYED in later.headers) == (201, False)
    assert desk.count("answered_request") == 1
    await clock.advance(timedelta(hours=24).total_seconds())
    await keep_projects(desk.process.platform)
    assert desk.count("answered_request") == 0


async def test_the_key_of_somebody_else_is_another(
    desk: Desk, make_person: MakePerson, make_project: MakeProject
) -> None:
    first = await (await desk.client()).post(AT, json=ORDER, headers=KEY)
    mate = await make_person("mate", desk.boss.tenant, role="administrator")
    of_mate = await (await desk.client(mate)).post(AT, json=ORDER, headers=KEY)
    foreign = await make_person("foreign", await make_project("other"), role="administrator")
    theirs = await desk.client(foreign)
    of_other = await theirs.post(AT.replace("acme", "other"), json=OTHER, headers=KEY)
    made = [first, of_mate, of_other]
    assert [(one.status_code, REPLAYED in one.headers) for one in made] == [(201, False)] * 3
    assert len({one.json()["id"] for one in made}) == 3
    # To a project that is not one's own it opens nothing.
    assert (await theirs.post(AT, json=ORDER, headers=KEY)).status_code == 404


async def test_a_program_has_keys_of_its_own_and_rights_come_first(desk: Desk) -> None:
    async with changing(desk.process.platform, desk.boss) as change:
        given = frozenset({Permission.READ, Permission.CONFIGURE})
        secret, _ = await keys.make_key(change, Wanted("erp", given, Limit(None), 30))
    client, at = await desk.client(), "/api/v1/profiles/test/none?project=acme"
    for answer in (
        await client.delete(at, headers=KEY),
        await client.delete(at, headers={**KEY, "Authorization": f"Bearer {secret}"}),
    ):
        assert (answer.status_code, REPLAYED in answer.headers) == (404, False)
    await client.post(AT, json=ORDER, headers=KEY)
    desk.admin.execute(
        "UPDATE membership SET role = 'shift_staff' WHERE person_id = %s", (desk.boss.id,)
    )
    refused = await client.post(AT, json=ORDER, headers=KEY)
    assert (refused.status_code, refused.json()["params"]) == (403, {"permission": "keys"})


@pytest.mark.parametrize("bound", ["MOST", "MOST_BYTES"])
async def test_no_more_are_kept_of_a_person_than_there_is_room_for(
    desk: Desk, make_person: MakePerson, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(answered, bound, 1)
    client = await desk.client()
    first = await client.post(AT, json=ORDER, headers=KEY)
    full = await client.post(AT, json=ORDER, headers={"Idempotency-Key": "next"})
    assert (full.status_code, full.json()["code"]) == (429, "idempotency_many")
    assert (await client.post(AT, json=ORDER, headers=KEY)).content == first.content
    mate = await make_person("mate", desk.boss.tenant, role="administrator")
    assert (await (await desk.client(mate)).post(AT, json=ORDER, headers=KEY)).status_code == 201
    assert desk.count() == 2


async def test_a_file_of_readings_is_taken_once(desk: Desk) -> None:
    client = await desk.client()
    lines = b"point,time,value\n"
    sent = [
        await client.post("/api/v1/import?project=acme", content=lines, headers=KEY)
        for _ in range(2)
    ]
    assert [one.status_code for one in sent] == [202, 202]
    assert sent[0].content == sent[1].content
    assert sent[0].headers["location"] == sent[1].headers["location"]
    assert desk.count("import_job") == 1
    other = await client.post("/api/v1/import?project=acme", content=b"x", headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_other")


def test_every_write_of_a_project_takes_the_header() -> None:
    paths = build_rest(None).openapi()["paths"]
    named: dict[str, set[str]] = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            told = {one["name"] for one in operation.get("parameters", ())}
            if "project" in told and method != "get":
                named[f"{method} {path}"] = told
    assert len(named) == 19
    assert [one for one, told in named.items() if "Idempotency-Key" not in told] == []
