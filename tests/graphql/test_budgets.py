"""Budgets of callers and projects: told, refused with when to come back, each for itself."""

import orjson
import pytest

from backend.application.budgets import Budgets
from backend.application.web_process import WebProcess
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.sockets import open_socket
from tests.graphql.walk.people import make_key
from tests.postgres import Actor, MakePerson, MakeProject

DEVICES = '{ project(id: "%s") { devices { id slug } } }'
COST = 1 + 1 + 20 * 2


@pytest.fixture
def seconds(process: WebProcess) -> list[float]:
    """Budgets for ten questions of a project and five of a caller; its first entry is the time."""
    now = [0.0]
    process.budgets = Budgets(project=10 * COST, caller=5 * COST, monotonic=lambda: now[0])
    return now


async def test_a_caller_waits_for_their_own_budget(
    client: Client, ask: Ask, alice: Actor, bob: Actor, seconds: list[float]
) -> None:
    hers, his = await client(alice), await client(bob)
    for _ in range(5):
        assert "errors" not in await ask(hers, DEVICES % "acme")
    refused = await hers.post("/graphql", json={"query": DEVICES % "acme"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "12")
    assert refused.json()["errors"] == [
        {
            "message": "cost_of_caller",
            "extensions": {
                "code": "cost_of_caller",
                "params": {"cost": COST, "limit": 5 * COST, "retryAfter": 12},
                "text": "errors.cost_of_caller",
                "next": "errors.cost_of_caller.next",
            },
        }
    ]
    assert "errors" not in await ask(his, DEVICES % "acme")
    seconds[0] = 12.0
    assert "errors" not in await ask(hers, DEVICES % "acme")


async def test_a_project_that_spent_its_budget_does_not_starve_another(
    client: Client,
    ask: Ask,
    alice: Actor,
    make_project: MakeProject,
    make_person: MakePerson,
    seconds: list[float],
) -> None:
    other = await make_person("dora", await make_project("other"))
    flood = [await client(await make_person(f"f{n}", alice.tenant)) for n in range(3)]
    for n in range(10):
        assert "errors" not in await ask(flood[n // 5], DEVICES % "acme")
    refused = await flood[2].post("/graphql", json={"query": DEVICES % "acme"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "6")
    answer = refused.json()
    assert answer["data"] == {"project": None}
    assert answer["errors"][0]["extensions"]["code"] == "cost_of_project"
    assert "errors" not in await ask(await client(other), DEVICES % "other")
    assert seconds == [0.0]


async def test_strangers_spend_nothing_of_a_project(
    client: Client, ask: Ask, stranger: Actor, alice: Actor, seconds: list[float]
) -> None:
    opened = await client(stranger)
    for _ in range(5):
        assert await ask(opened, DEVICES % "acme") == {"data": {"project": None}}
    query = {"query": DEVICES % "acme", "extensions": {"cost": True}}
    told = (await (await client(alice)).post("/graphql", json=query)).json()["extensions"]
    assert told == {
        "cost": {
            "requested": COST,
            "caller": {"limit": 5 * COST, "left": 4 * COST},
            "project": {"limit": 10 * COST, "left": 9 * COST},
        }
    }
    assert seconds == [0.0]


async def test_a_key_is_told_always_and_an_operation_beyond_a_minute_never_runs(
    client: Client, process: WebProcess, alice: Actor, seconds: list[float]
) -> None:
    token, _ = await make_key(process.platform, alice, None)
    opened = await client()
    opened.headers["Authorization"] = f"Bearer {token}"
    told = (await opened.post("/graphql", json={"query": "{ now }"})).json()
    assert told["extensions"] == {
        "cost": {"requested": 1, "caller": {"limit": 5 * COST, "left": 5 * COST - 1}}
    }
    aliases = " ".join(f"a{n}: devices {{ id slug }}" for n in range(6))
    refused = await opened.post(
        "/graphql", json={"query": f'{{ project(id: "acme") {{ {aliases} }} }}'}
    )
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert refused.json()["errors"][0]["extensions"]["code"] == "cost_too_high"
    assert seconds == [0.0]


async def test_subscriptions_are_counted_and_frames_too(
    process: WebProcess, served: str, alice: Actor, seconds: list[float]
) -> None:
    cookie = await session_token(process, alice)
    query = 'subscription { live(project: "acme") { at values { key value } } }'
    cost = 1 + 1 + 1 + 20 * 2
    async with open_socket(served, cookie=cookie) as opened:
        await opened.subscribe(query)
        assert (await opened.receive())["type"] == "next"
        left = process.budgets.projects.spend(alice.tenant.id, 0).left
        assert left == 10 * COST - 2 * cost, "once to begin, once for the frame"
        process.budgets.callers.note((await _caller(process, cookie)), 5 * COST)
        id = await opened.subscribe(query)
        refused = await opened.receive()
        assert (refused["type"], refused["id"]) == ("error", id)
        code = orjson.dumps(refused["payload"])
        assert b'"code":"cost_of_caller"' in code
        assert b'"retryAfter":' in code
    assert seconds == [0.0]


async def _caller(process: WebProcess, cookie: str) -> bytes:
    found = await process.sign_in.caller(cookie, bearer=False)
    assert found is not None
    return found.token_hash
