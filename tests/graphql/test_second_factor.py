"""The second factor: no session before its code, each code once, waits, recovery, roles, reset."""

import asyncio
import base64

import httpx
import psycopg
import pytest

from backend.application.web_process import WebProcess
from backend.core.clock import ManualClock
from backend.service.identity.totp import code_of, step_of
from backend.service.people.throttle import SignInThrottle
from tests.graphql.conftest import Ask, Client, session_token
from tests.postgres import NOW, Actor, MakePerson

PASSWORD = "four words apart here"
BEGIN = "mutation { beginSecondFactor { secret qr qrSize } }"
CONFIRM = "mutation ($code: String!) { confirmSecondFactor(code: $code) }"
ENTER = """mutation ($login: String = "alice") { signIn(login: $login,
  password: "four words apart here") { step viewer { person { login } } } }"""
FINISH = """mutation ($step: String!, $code: String!)
  { finishSignIn(step: $step, code: $code) { step viewer { person { login } } } }"""
STANDING = "{ viewer { secondFactor { held codesLeft asked passed } projects { slug } } }"
ASK = """mutation ($asked: Boolean!)
  { askSecondFactor(project: "acme", role: "manager", asked: $asked) { slug } }"""
RESET = 'mutation ($person: ID!) { resetSecondFactor(project: "acme", person: $person) }'


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


class App:
    """Alice's authenticator app, and the platform's clock, which stands still."""

    def __init__(self, spelled: str) -> None:
        self.secret = base64.b32decode(spelled)

    def shows(self, off: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return code_of(self.secret, step_of(NOW) + off)


@pytest.fixture
async def process_(process: WebProcess, clock: ManualClock, alice: Actor) -> WebProcess:
    """Alice has a password; apps show the time of the tests; tries a minute do not count."""
    process.identity.second.wall = clock
    process.sign_in.throttle = process.identity.second.throttle = SignInThrottle(1000, 1000)
    hashed = await process.sign_in.passwords.hash(PASSWORD)
    async with process.platform.database.platform() as tx:
        await tx.execute("UPDATE person SET password_hash = %s", (hashed,))
    return process


@pytest.fixture
async def at_home(process_: WebProcess, client: Client, alice: Actor) -> httpx.AsyncClient:
    """Alice where she has just signed in."""
    return await client(alice)


async def set_up(ask: Ask, where: httpx.AsyncClient) -> tuple[App, list[str]]:
    """Set a second factor up with the code of the step before: the app and the recovery codes."""
    made = (await ask(where, BEGIN))["data"]["beginSecondFactor"]  # type: ignore[index]
    assert made["qr"].startswith("M0 0h1v1h-1z")
    app = App(made["secret"])
    answer = await ask(where, CONFIRM, {"code": app.shows(-1)})
    return app, answer["data"]["confirmSecondFactor"]  # type: ignore[index]


async def step_of_sign_in(ask: Ask, where: httpx.AsyncClient) -> str:
    """Pass the password: the token of the second step, and no session."""
    found = (await ask(where, ENTER))["data"]["signIn"]  # type: ignore[index]
    assert found["viewer"] is None
    assert "kilowise" not in where.cookies
    return str(found["step"])


async def test_no_session_begins_before_the_code(
    at_home: httpx.AsyncClient, client: Client, ask: Ask, admin: psycopg.Connection, alice: Actor
) -> None:
    app, codes = await set_up(ask, at_home)
    assert (len(codes), len(set(codes)), len(codes[0])) == (10, 10, 19)
    told = (await ask(at_home, STANDING))["data"]["viewer"]["secondFactor"]  # type: ignore[index]
    assert told == {"held": True, "codesLeft": 10, "asked": False, "passed": True}
    phone = await client()
    before = admin.execute("SELECT count(*) FROM sign_in_session").fetchone()
    step = await step_of_sign_in(ask, phone)
    assert admin.execute("SELECT count(*) FROM sign_in_session").fetchone() == before
    assert code(await ask(phone, FINISH, {"step": step, "code": "000000"})) == "wrong_code"
    assert code(await ask(phone, FINISH, {"step": "x", "code": app.shows()})) == "step_over"
    answer = await ask(phone, FINISH, {"step": step, "code": app.shows()})
    assert answer["data"] == {
        "finishSignIn": {"step": None, "viewer": {"person": {"login": "alice"}}}
    }
    assert "kilowise" in phone.cookies
    assert code(await ask(phone, FINISH, {"step": step, "code": app.shows(1)})) == "step_over"
    audited = admin.execute("SELECT action, actor FROM audit").fetchall()
    assert audited == [("second_factor.set_up", alice.text)]


async def test_a_code_is_good_once(at_home: httpx.AsyncClient, client: Client, ask: Ask) -> None:
    app, _ = await set_up(ask, at_home)
    phones = [await client() for _ in range(4)]
    steps = [await step_of_sign_in(ask, phone) for phone in phones]

    async def finish(n: int, shown: str) -> bool:
        answer = await ask(phones[n], FINISH, {"step": steps[n], "code": shown})
        return "errors" not in answer

    # Set up with the code before: neither that one nor the same one twice, not even at once.
    assert not await finish(0, app.shows(-1))
    assert sorted(await asyncio.gather(*(finish(n, app.shows()) for n in range(3)))) == [
        False,
        False,
        True,
    ]
    assert await finish(3, app.shows(1))


async def test_wrong_codes_make_the_person_wait(
    at_home: httpx.AsyncClient, client: Client, ask: Ask, clock: ManualClock
) -> None:
    app, _ = await set_up(ask, at_home)
    phone = await client()
    step = await step_of_sign_in(ask, phone)
    for _ in range(5):
        assert code(await ask(phone, FINISH, {"step": step, "code": "000000"})) == "wrong_code"
    assert code(await ask(phone, FINISH, {"step": step, "code": app.shows()})) == "sign_in_wait"
    await clock.advance(1)
    assert "errors" not in await ask(phone, FINISH, {"step": step, "code": app.shows()})


async def test_a_recovery_code_takes_its_place_once(
    at_home: httpx.AsyncClient, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    _, codes = await set_up(ask, at_home)
    stored = admin.execute("SELECT string_agg(r::text, '|') FROM recovery_code r").fetchone()
    assert codes[0] not in str(stored)
    phone = await client()
    for shown, fits in ((codes[0], True), (codes[0], False), (codes[1].upper(), True)):
        phone.cookies.clear()
        step = await step_of_sign_in(ask, phone)
        answer = await ask(phone, FINISH, {"step": step, "code": shown})
        assert ("errors" not in answer) is fits
    told = (await ask(phone, STANDING))["data"]["viewer"]["secondFactor"]  # type: ignore[index]
    assert told["codesLeft"] == 8
    renewed = await ask(phone, "mutation { renewRecoveryCodes }")
    assert codes[2] not in renewed["data"]["renewRecoveryCodes"]  # type: ignore[index]
    other = await client()
    step = await step_of_sign_in(ask, other)
    assert code(await ask(other, FINISH, {"step": step, "code": codes[2]})) == "wrong_code"


async def test_scripts_send_the_code_with_the_password(
    at_home: httpx.AsyncClient, client: Client, ask: Ask
) -> None:
    app, _ = await set_up(ask, at_home)
    script, told = await client(), {"login": "alice", "password": PASSWORD}

    async def status(**more: str) -> tuple[int, str]:
        answer = await script.post("/api/v1/session", json={**told, **more})
        return answer.status_code, answer.json().get("code", "")

    assert await status() == (401, "second_factor_due")
    assert await status(code="1") == (401, "wrong_code")
    assert await status(code=app.shows()) == (200, "")


async def test_a_role_that_asks_opens_to_strong_sessions_only(
    at_home: httpx.AsyncClient, client: Client, ask: Ask, alice: Actor, make_person: MakePerson
) -> None:
    root = await client(await make_person("root", alice.tenant, role="administrator"))
    assert code(await ask(root, ASK, {"asked": True})) == "second_factor_first"
    await set_up(ask, root)
    assert "errors" not in await ask(root, ASK, {"asked": True})
    told = (await ask(at_home, STANDING))["data"]["viewer"]  # type: ignore[index]
    assert told["projects"] == []
    assert told["secondFactor"]["asked"] is True
    opened = '{ project(id: "acme") { slug } }'
    assert code(await ask(at_home, opened)) == "second_factor_needed"
    await set_up(ask, at_home)
    assert (await ask(at_home, opened))["data"] == {"project": {"slug": "acme"}}
    weak = await client(alice)
    assert code(await ask(weak, opened)) == "second_factor_needed"
    await ask(root, ASK, {"asked": False})
    assert (await ask(weak, opened))["data"] == {"project": {"slug": "acme"}}


async def test_a_lost_second_factor_is_reset_with_audit(
    at_home: httpx.AsyncClient,
    client: Client,
    ask: Ask,
    alice: Actor,
    charlie: Actor,
    make_person: MakePerson,
    admin: psycopg.Connection,
) -> None:
    await set_up(ask, at_home)
    boss = await client(await make_person("root", alice.tenant, role="administrator"))
    assert code(await ask(await client(charlie), RESET, {"person": alice.text})) == "not_found"
    assert code(await ask(at_home, RESET, {"person": alice.text})) == "not_allowed"
    admin.execute(
        "INSERT INTO membership (project_id, person_id, role) VALUES (%s, %s, 'manager')",
        (charlie.tenant.id, alice.id),
    )
    assert code(await ask(boss, RESET, {"person": alice.text})) == "second_factor_elsewhere"
    admin.execute("DELETE FROM membership WHERE project_id = %s", (charlie.tenant.id,))
    assert (await ask(boss, RESET, {"person": alice.text}))["data"] == {"resetSecondFactor": True}
    audited = admin.execute("SELECT action, ref FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    assert audited == ("member.second_factor_reset", alice.text)
    phone = await client()
    assert (await ask(phone, ENTER))["data"]["signIn"]["step"] is None  # type: ignore[index]


async def test_it_is_changed_only_freshly_proved(
    at_home: httpx.AsyncClient,
    process_: WebProcess,
    ask: Ask,
    clock: ManualClock,
    alice: Actor,
    admin: psycopg.Connection,
) -> None:
    await set_up(ask, at_home)
    assert code(await ask(at_home, BEGIN)) == "second_factor_there"
    await clock.advance(601)
    for deed in ("removeSecondFactor", "renewRecoveryCodes"):
        assert code(await ask(at_home, f"mutation {{ {deed} }}")) == "proof_needed"
    at_home.cookies.set("kilowise", await session_token(process_, alice))
    # A session that began before it, and the password, are not enough.
    for deed in ("removeSecondFactor", "renewRecoveryCodes"):
        assert code(await ask(at_home, f"mutation {{ {deed} }}")) == "second_factor_weak"
    admin.execute("UPDATE sign_in_session SET strong = true")
    gone = await ask(at_home, "mutation { removeSecondFactor }")
    assert gone["data"] == {"removeSecondFactor": True}
    assert code(await ask(at_home, "mutation { renewRecoveryCodes }")) == "not_found"
