"""Strangers who ask for an account: an operator decides, and nobody learns which logins exist."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import psycopg
import pytest

from backend.application.web import build_app
from backend.application.web_process import WebProcess, make_process
from backend.core.brake import network_of
from backend.core.clock import ManualClock
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.people import sign_up
from backend.service.people.operators import appoint
from backend.service.projects.upkeep import keep_projects
from tests.graphql.conftest import BASE, Ask, code, session_token
from tests.postgres import NOW, Actor, MakePerson, MakeProject

ASK = """mutation ($login: String!, $password: String = "four words apart here") {
  askForAccount(input: { name: " Wang  Li ", login: $login, password: $password,
    note: "line 4", locale: "zh-CN" }) }"""
WAITING = "{ signUps { id login name note network taken } }"
APPROVE = "mutation ($id: ID!) { approveSignUp(id: $id) }"
REFUSE = "mutation ($id: ID!) { refuseSignUp(id: $id) }"
SIGN_IN = """mutation ($login: String!) { signIn(login: $login, password: "four words apart here")
  { viewer { makesProjects person { locale name { en } } } } }"""


@dataclass(frozen=True, slots=True)
class Front:
    """The app where strangers may ask: one of them, and an operator."""

    process: WebProcess
    ask: Ask
    stranger: httpx.AsyncClient
    boss: httpx.AsyncClient

    async def asks(self, login: str) -> dict[str, object]:
        """The stranger's request, as if they had not asked before."""
        await self.process.sign_ups._brake.forgive("127.0.0.1")  # noqa: SLF001 - of this process
        return await self.ask(self.stranger, ASK, {"login": login})

    async def waiting(self) -> list[dict[str, object]]:
        """Who waits, as the operator is told."""
        told: list[dict[str, object]] = (await self.ask(self.boss, WAITING))["data"]["signUps"]  # type: ignore[index]
        return sorted(told, key=lambda one: str(one["login"]))


@pytest.fixture
async def root(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Actor:
    """The platform's operator."""
    found = await make_person("root", await make_project("mill"), role="administrator")
    await appoint(platform, "root")
    return found


@pytest.fixture
async def front(platform: Platform, root: Actor, ask: Ask) -> AsyncIterator[Front]:
    told = {"data": platform.settings.data, "sign_up": "open"}
    process = make_process(replace(platform, settings=Settings.model_validate(told)))
    transport = httpx.ASGITransport(build_app(process))
    async with (
        httpx.AsyncClient(transport=transport, base_url=BASE) as stranger,
        httpx.AsyncClient(transport=transport, base_url=BASE) as boss,
    ):
        boss.cookies.set("kilowise", await session_token(process, root))
        yield Front(process, ask, stranger, boss)


async def test_who_was_let_in_signs_in_and_may_make_a_project(
    front: Front, admin: psycopg.Connection
) -> None:
    assert (await front.ask(front.stranger, "{ signUpOpen }"))["data"] == {"signUpOpen": True}
    assert (await front.asks(" Wang@Works.example "))["data"] == {"askForAccount": True}
    refused = await front.ask(front.stranger, SIGN_IN, {"login": "wang@works.example"})
    assert code(refused) == "wrong_credentials"
    [one] = await front.waiting()
    assert {**one, "id": ""} == {
        "id": "", "login": "wang@works.example", "name": "Wang Li", "note": "line 4",
        "network": "127.0.0.1", "taken": False,
    }  # fmt: skip
    answer = await front.ask(front.boss, APPROVE, {"id": one["id"]})
    assert answer["data"] == {"approveSignUp": True}
    entered = await front.ask(front.stranger, SIGN_IN, {"login": "wang@works.example"})
    assert entered["data"]["signIn"]["viewer"] == {  # type: ignore[index]
        "makesProjects": True, "person": {"locale": "zh-CN", "name": {"en": "Wang Li"}},
    }  # fmt: skip
    assert await front.waiting() == []
    assert code(await front.ask(front.boss, APPROVE, {"id": one["id"]})) == "not_found"
    kept = admin.execute("SELECT state, password_hash FROM sign_up").fetchall()
    assert kept == [("approved", None)]


async def test_a_login_that_somebody_has_is_not_told_and_not_taken(
    front: Front, root: Actor, admin: psycopg.Connection
) -> None:
    before = admin.execute("SELECT p::text FROM person p ORDER BY id").fetchall()
    answers = [await front.asks(login) for login in ("root", "nobody")]
    assert answers[0] == answers[1]
    [unknown, known] = await front.waiting()
    assert (known["taken"], unknown["taken"]) == (True, False)
    assert code(await front.ask(front.boss, APPROVE, {"id": known["id"]})) == "login_taken"
    assert admin.execute("SELECT p::text FROM person p ORDER BY id").fetchall() == before
    assert len(await front.waiting()) == 2
    # Whoever asked first does not keep the login from who asks next.
    assert (await front.asks("nobody"))["data"] == {"askForAccount": True}
    answer = await front.ask(front.boss, REFUSE, {"id": unknown["id"]})
    assert answer["data"] == {"refuseSignUp": True}
    [second, _] = await front.waiting()
    assert "errors" not in await front.ask(front.boss, APPROVE, {"id": second["id"]})


async def test_what_is_asked_is_checked_and_bounded(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    for login, password, expected in (
        ("a b", "four words apart here", "login_form"),
        ("1234", "short", "password_too_short"),
        ("1234", "password1234", "password_frequent"),
    ):
        asked = {"login": login, "password": password}
        assert code(await front.ask(front.stranger, ASK, asked)) == expected
    assert (await front.ask(front.stranger, ASK, {"login": "1234"}))["data"] is not None
    assert code(await front.ask(front.stranger, ASK, {"login": "1234"})) == "sign_up_too_often"
    async with front.process.sign_ups._hashing:  # noqa: SLF001 - as while another is hashed
        assert code(await front.asks("1235")) == "sign_in_busy"
    monkeypatch.setattr(sign_up, "MOST_OF_NETWORK", 2)
    assert (await front.asks("1236"))["data"] is not None
    assert code(await front.asks("1237")) == "sign_ups_most"
    monkeypatch.setattr(sign_up, "MOST_OF_NETWORK", 5)
    monkeypatch.setattr(sign_up, "MOST_WAITING", 2)
    assert code(await front.asks("1238")) == "sign_ups_most"


async def test_what_waited_too_long_is_forgotten(
    front: Front, clock: ManualClock, admin: psycopg.Connection, platform: Platform
) -> None:
    for login in ("late", "refused"):
        await front.asks(login)
    one = (await front.waiting())[1]
    await front.ask(front.boss, REFUSE, {"id": one["id"]})
    await clock.advance(timedelta(days=14).total_seconds())
    assert await front.waiting() == []
    await keep_projects(platform)
    assert admin.execute("SELECT login FROM sign_up").fetchall() == [("refused",)]
    await clock.advance(timedelta(days=16).total_seconds())
    await keep_projects(platform)
    assert admin.execute("SELECT login FROM sign_up").fetchall() == []


async def test_only_where_it_is_open_and_only_operators_decide(
    front: Front, platform: Platform, ask: Ask, make_person: MakePerson, root: Actor
) -> None:
    closed = httpx.ASGITransport(build_app(make_process(platform)))
    async with httpx.AsyncClient(transport=closed, base_url=BASE) as outside:
        assert (await ask(outside, "{ signUpOpen signUps { id } }"))["data"] == {
            "signUpOpen": False, "signUps": None,
        }  # fmt: skip
        assert code(await ask(outside, ASK, {"login": "1234"})) == "sign_up_closed"
    await front.asks("1234")
    [one] = await front.waiting()
    other = await make_person("max", root.tenant, role="administrator")
    front.stranger.cookies.set("kilowise", await session_token(front.process, other))
    assert (await ask(front.stranger, WAITING))["data"] == {"signUps": None}
    for text in (APPROVE, REFUSE):
        for id in (one["id"], encode_id("sgn", new_uuid(NOW))):
            assert code(await ask(front.stranger, text, {"id": id})) == "operators_only"
    assert len(await front.waiting()) == 1


def test_a_network_is_an_address_or_a_64() -> None:
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("testclient") == "testclient"
