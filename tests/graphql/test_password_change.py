"""People change their own password: the one so far is asked for, sessions elsewhere end."""

import psycopg
import pytest

from backend.application.web_process import WebProcess
from tests.backend.test_rest_session import PASSWORD, give_password
from tests.graphql.conftest import Ask, Client, code
from tests.postgres import Actor

CHANGE = """mutation ($current: String!, $wanted: String!)
  { changePassword(current: $current, wanted: $wanted) }"""
SIGN_IN = """mutation ($password: String!)
  { signIn(login: "alice", password: $password) { viewer { person { login } } } }"""
WHO = "{ viewer { person { login } } }"
FRESH = "another four words apart"


async def test_a_password_is_changed_and_sessions_elsewhere_end(
    process: WebProcess, client: Client, ask: Ask, alice: Actor, admin: psycopg.Connection
) -> None:
    await give_password(process, alice)
    phone, desk = await client(alice), await client(alice)
    answer = await ask(phone, CHANGE, {"current": PASSWORD, "wanted": FRESH})
    assert answer["data"] == {"changePassword": 1}
    assert (await ask(desk, WHO))["data"] == {"viewer": None}
    assert (await ask(phone, WHO))["data"] == {"viewer": {"person": {"login": "alice"}}}
    stranger = await client(None)
    old = await ask(stranger, SIGN_IN, {"password": PASSWORD})
    assert code(old) == "wrong_credentials"
    assert (await ask(stranger, SIGN_IN, {"password": FRESH}))["data"] is not None
    written = admin.execute("SELECT person_id, action, old, new FROM audit").fetchall()
    assert written == [(alice.id, "password.change", None, None)]


WRONG = (
    ("wrong", FRESH, "wrong_credentials"),
    (PASSWORD, "short", "password_too_short"),
    (PASSWORD, "x" * 129, "password_too_long"),
    (PASSWORD, "password1234", "password_frequent"),
    (PASSWORD, PASSWORD, "password_same"),
)


@pytest.mark.parametrize(("current", "wanted", "told"), WRONG)
async def test_what_is_wrong_is_said_and_changes_nothing(
    process: WebProcess,
    client: Client,
    ask: Ask,
    alice: Actor,
    current: str,
    wanted: str,
    told: str,
) -> None:
    await give_password(process, alice)
    phone, desk = await client(alice), await client(alice)
    answer = await ask(phone, CHANGE, {"current": current, "wanted": wanted})
    assert code(answer) == told
    assert (await ask(desk, WHO))["data"] == {"viewer": {"person": {"login": "alice"}}}
    assert (await ask(await client(None), SIGN_IN, {"password": PASSWORD}))["data"] is not None


async def test_the_public_password_of_the_demonstration_stays(
    process: WebProcess, client: Client, ask: Ask, alice: Actor
) -> None:
    await give_password(process, alice, demo=True)
    process.sign_in.demo = True
    answer = await ask(await client(alice), CHANGE, {"current": PASSWORD, "wanted": FRESH})
    assert code(answer) == "demo_password"
