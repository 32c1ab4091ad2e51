"""Passkeys: made by who is signed in, they sign in alone; what is wrong with one is refused."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import psycopg
import pytest

from backend.application.web_process import WebProcess
from backend.core.clock import ManualClock
from tests.graphql.authenticator import ORIGIN, PRESENT, Authenticator
from tests.graphql.conftest import Ask, Client
from tests.postgres import Actor

BEGIN = "mutation { beginPasskey { step options } }"
ADD = """mutation ($step: String!, $answer: String!, $name: String = "Phone")
  { addPasskey(step: $step, name: $name, answer: $answer) { id name copiedAt lastUsedAt } }"""
ASKED = "mutation { beginPasskeySignIn { step options } }"
ENTER = """mutation ($step: String!, $answer: String!)
  { signInByPasskey(step: $step, answer: $answer) { viewer { person { login } } } }"""
PROVE = (
    "mutation ($step: String!, $answer: String!) { proveByPasskey(step: $step, answer: $answer) }"
)
REMOVE = "mutation ($id: ID!) { removePasskey(id: $id) }"
LISTED = "{ viewer { passkeys { name copiedAt lastUsedAt } } }"
PASSWORD = "four words apart here"
LATER = timedelta(minutes=11)


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


class Browser:
    """A browser at our page, with whatever devices it is given."""

    def __init__(self, client: httpx.AsyncClient, ask: Ask, origin: str = ORIGIN) -> None:
        self.client = client
        self.client.headers["Origin"] = origin
        self._ask = ask

    async def ask(self, query: str, **variables: object) -> dict[str, object]:
        return await self._ask(self.client, query, variables)

    async def offer(self, query: str) -> tuple[str, str]:
        answer = await self.ask(query)
        [(step, options)] = [tuple(one.values()) for one in answer["data"].values()]  # type: ignore[attr-defined]
        return str(step), str(options)

    async def add(self, device: Authenticator, name: str = "Phone") -> dict[str, object]:
        step, options = await self.offer(BEGIN)
        return await self.ask(ADD, step=step, answer=device.make(options), name=name)

    async def enter(self, device: Authenticator, query: str = ENTER) -> dict[str, object]:
        step, options = await self.offer(ASKED)
        return await self.ask(query, step=step, answer=device.use(options))


@pytest.fixture
async def alices(client: Client, ask: Ask, alice: Actor) -> Browser:
    """Alice's browser, where she has just signed in."""
    return Browser(await client(alice), ask)


@pytest.fixture
async def fresh(client: Client, ask: Ask) -> Browser:
    """A browser where nobody is signed in."""
    return Browser(await client(), ask)


async def test_a_passkey_signs_in_without_a_login(
    alices: Browser, fresh: Browser, alice: Actor, admin: psycopg.Connection
) -> None:
    device, second = Authenticator(), Authenticator()
    made = (await alices.add(device))["data"]["addPasskey"]  # type: ignore[index]
    assert (made["name"], made["copiedAt"], made["lastUsedAt"]) == ("Phone", None, None)
    await alices.add(second, " Key   ring ")
    answer = await fresh.enter(device)
    assert answer["data"] == {"signInByPasskey": {"viewer": {"person": {"login": "alice"}}}}
    assert "kilowise" in fresh.client.cookies
    told = await fresh.ask(LISTED)
    assert told["data"] == {
        "viewer": {
            "passkeys": [
                {"name": name, "copiedAt": None, "lastUsedAt": used}
                for name, used in (
                    ("Key ring", None),
                    ("Phone", "2026-03-15T04:00:00Z"),
                )
            ]
        }
    }
    strong = admin.execute(
        "SELECT strong FROM sign_in_session WHERE person_id = %s ORDER BY strong", (alice.id,)
    ).fetchall()
    assert strong == [(False,), (True,)]
    assert (await fresh.ask(REMOVE, id=made["id"]))["data"] == {"removePasskey": True}
    assert code(await fresh.enter(device)) == "passkey_refused"
    assert code(await fresh.ask(REMOVE, id=made["id"])) == "not_found"
    audited = admin.execute("SELECT action, actor FROM audit ORDER BY number").fetchall()
    assert audited == [
        (action, alice.text) for action in ("passkey.add", "passkey.add", "passkey.remove")
    ]


WRONG: dict[str, Callable[[Authenticator], object]] = {
    "origin": lambda device: setattr(device, "origin", "http://localhost:81"),
    "party": lambda device: setattr(device, "rp_id", "example.com"),
    "unverified": lambda device: setattr(device, "flags", PRESENT),
    "stranger": lambda device: setattr(device, "id", b"x" * 16),
    "handle": lambda device: setattr(device, "handle", b"x" * 16),
    "key": lambda device: setattr(device, "key", Authenticator().key),
}


async def test_what_is_wrong_with_a_passkey_is_refused(alices: Browser, fresh: Browser) -> None:
    device = Authenticator()
    await alices.add(device)
    for what, spoil in WRONG.items():
        spoilt = device.copy()
        spoil(spoilt)
        assert code(await fresh.enter(spoilt)) == "passkey_refused", what
    assert "kilowise" not in fresh.client.cookies
    assert (await fresh.enter(device)).keys() == {"data"}


async def test_a_passkey_made_elsewhere_is_not_kept(alices: Browser) -> None:
    for what in ("origin", "party", "unverified"):
        device = Authenticator()
        WRONG[what](device)
        assert code(await alices.add(device)) == "passkey_not_made", what
    assert (await alices.ask(LISTED))["data"] == {"viewer": {"passkeys": []}}


async def test_each_challenge_is_good_once_and_for_minutes(
    alices: Browser, fresh: Browser, clock: ManualClock
) -> None:
    device = Authenticator()
    step, options = await alices.offer(BEGIN)
    made = device.make(options)
    assert (await alices.ask(ADD, step=step, answer=made)).keys() == {"data"}
    assert code(await alices.ask(ADD, step=step, answer=made)) == "step_over"
    step, options = await fresh.offer(ASKED)
    other, _ = await fresh.offer(ASKED)
    used = device.use(options)
    # The answer to one challenge is none to another, and a step of one kind none of another.
    assert code(await fresh.ask(ENTER, step=other, answer=used)) == "passkey_refused"
    assert code(await alices.ask(ADD, step=step, answer=made)) == "step_over"
    assert (await fresh.ask(ENTER, step=step, answer=used)).keys() == {"data"}
    assert code(await fresh.ask(ENTER, step=step, answer=used)) == "step_over"
    late, options = await fresh.offer(ASKED)
    await clock.advance(300)
    assert code(await fresh.ask(ENTER, step=late, answer=device.use(options))) == "step_over"


async def test_nobody_ends_the_step_of_somebody_else(
    alices: Browser, bob: Actor, client: Client, ask: Ask
) -> None:
    step, options = await alices.offer(BEGIN)
    bobs = Browser(await client(bob), ask)
    answer = Authenticator().make(options)
    assert code(await bobs.ask(ADD, step=step, answer=answer)) == "step_over"
    assert (await bobs.ask(LISTED))["data"] == {"viewer": {"passkeys": []}}


async def test_a_copied_device_is_told(
    alices: Browser, fresh: Browser, alice: Actor, admin: psycopg.Connection
) -> None:
    device = Authenticator()
    await alices.add(device)
    copied = device.copy()
    await fresh.enter(device)
    await fresh.enter(device)
    fresh.client.cookies.clear()
    assert code(await fresh.enter(copied)) == "passkey_copied"
    assert "kilowise" not in fresh.client.cookies
    told = await alices.ask("{ viewer { passkeys { copiedAt } } }")
    assert told["data"] == {"viewer": {"passkeys": [{"copiedAt": "2026-03-15T04:00:00Z"}]}}
    audited = admin.execute("SELECT action FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    assert audited == ("passkey.copy_suspected",)


async def test_a_passkey_is_added_only_freshly_proved(
    alices: Browser, alice: Actor, process: WebProcess, clock: ManualClock
) -> None:
    device = Authenticator()
    await alices.add(device)
    hashed = await process.sign_in.passwords.hash(PASSWORD)
    async with process.platform.database.platform() as tx:
        await tx.execute("UPDATE person SET password_hash = %s WHERE id = %s", (hashed, alice.id))
    prove = "mutation ($password: String!) { proveByPassword(password: $password) }"

    async def refused() -> None:
        await clock.advance(LATER.total_seconds())
        assert code(await alices.ask(BEGIN)) == "proof_needed"

    await refused()
    assert code(await alices.ask(prove, password="wrong")) == "wrong_credentials"
    assert code(await alices.ask(BEGIN)) == "proof_needed"
    assert (await alices.ask(prove, password=PASSWORD))["data"] == {"proveByPassword": True}
    assert (await alices.ask(BEGIN)).keys() == {"data"}
    await refused()
    assert (await alices.enter(device, PROVE))["data"] == {"proveByPasskey": True}
    assert (await alices.ask(BEGIN)).keys() == {"data"}


async def test_nobody_proves_by_the_passkey_of_somebody_else(
    alices: Browser, bob: Actor, client: Client, ask: Ask
) -> None:
    device = Authenticator()
    await alices.add(device)
    bobs = Browser(await client(bob), ask)
    assert code(await bobs.enter(device, PROVE)) == "passkey_refused"


async def test_nonsense_is_refused_in_words(alices: Browser) -> None:
    for answer in ("", "{}", "[]", '{"id": 7}', "x" * 30_000, "\x00"):
        step, _ = await alices.offer(BEGIN)
        assert code(await alices.ask(ADD, step=step, answer=answer)) == "passkey_not_made"
        step, _ = await alices.offer(ASKED)
        assert code(await alices.ask(ENTER, step=step, answer=answer)) == "passkey_refused"


async def test_an_address_of_digits_has_no_passkeys(client: Client, ask: Ask) -> None:
    opened = await client()
    opened.base_url = httpx.URL("http://127.0.0.1:8000")
    browser = Browser(opened, ask, "http://127.0.0.1:8000")
    refused = (await browser.ask(ASKED))["errors"][0]["extensions"]  # type: ignore[index]
    assert refused["code"] == "passkey_address"
    assert refused["params"] == {"address": "http://localhost:8000"}
