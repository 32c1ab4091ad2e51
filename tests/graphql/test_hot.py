"""Compiled lists: byte for byte what the usual way answers, to everybody."""

import random
from datetime import UTC, timedelta
from decimal import Decimal

import httpx
import pytest
from psycopg.types.json import Jsonb

from backend.application.budgets import Budgets
from backend.application.graphql.execution import Engine
from backend.application.graphql.hot import compile_list
from backend.application.graphql.persisted import HOT, load_persisted, read_texts
from backend.application.graphql.schema import build_schema
from backend.application.web_process import WebProcess
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from gateway.contract.energy import energy_types
from tests.graphql.conftest import Client, session_token
from tests.graphql.plants import make_plant
from tests.graphql.walk.people import make_key
from tests.postgres import NOW, Actor, MakePerson

TEXT = next(text for text in read_texts().values() if text.startswith("query Meters("))
SLOW = TEXT.replace("query Meters(", "query Meterz(")
"""The same list under a name that is not kept: it goes the usual way."""
WORDS = ("", "泵 1", 'a "b"', "c\\d", "tab\t\n\x01\x7f", "é/<>&", "  ", "𝄞")


async def fill(platform: Platform, alice: Actor, seed: int, count: int) -> int:
    """Random meters beside those of the plant; the node that the limited member sees."""
    made = await make_plant(platform, alice.tenant)
    rnd = random.Random(seed)
    codes = sorted(energy_types())

    def maybe(value: object) -> object:
        return value if rnd.random() < 0.6 else None

    async with platform.database.project(alice.tenant.id) as tx:
        for n in range(count):
            name = {one: rnd.choice(WORDS) for one in ("en", "zh-CN") if rnd.random() < 0.7}
            at = NOW + timedelta(microseconds=rnd.choice((0, 1, 120_000)), days=rnd.randint(-9, 9))
            number = await tx.fetch_value(
                "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, expression,"
                " register_name, accuracy, nameplate_per_hour, own_product, role, valid_from,"
                " valid_to) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " RETURNING id",
                (
                    alice.tenant.id,
                    new_uuid(NOW),
                    f"r{n}",
                    Jsonb(name),
                    rnd.choice(codes),
                    rnd.randint(1, 3),
                    rnd.choice(("register", "gauge", "manual")),
                    maybe(rnd.choice(WORDS)),
                    maybe(rnd.choice(WORDS)),
                    maybe(Decimal(rnd.choice(("0.50", "2", "0.0001", "12345.6")))),
                    maybe(rnd.choice((0, 400, 10**15))),
                    rnd.random() < 0.5,
                    maybe(rnd.choice(WORDS)),
                    maybe(at.astimezone(UTC)),
                    maybe(at + timedelta(days=1)),
                ),
                into=int,
            )
            if rnd.random() < 0.5:
                await tx.execute(
                    "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)"
                    " VALUES (%s, %s, %s, 1)",
                    (alice.tenant.id, made.nodes["b"].id, number),
                )
    return made.nodes["b"].id


@pytest.fixture
async def callers(
    client: Client, process: WebProcess, alice: Actor, stranger: Actor, make_person: MakePerson
) -> dict[str, httpx.AsyncClient]:
    """Everybody who might ask; meters beside those that the limited member sees."""
    part = await fill(process.platform, alice, seed=5, count=40)
    limited = await make_person("limited", alice.tenant, node=part)
    key, _ = await make_key(process.platform, alice, part)
    found = {
        "right": await client(alice),
        "part": await client(limited),
        "stranger": await client(stranger),
        "nobody": await client(),
        "revoked": await client(),
        "key": await client(),
    }
    found["key"].headers["Authorization"] = f"Bearer {key}"
    found["revoked"].cookies.set("kilowise", await session_token(process, alice))
    await found["revoked"].post("/graphql", json={"query": "mutation { signOut }"})
    return found


async def test_every_caller_hears_the_same_bytes_either_way(
    callers: dict[str, httpx.AsyncClient], process: WebProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.budgets = Budgets(10**9, 10**9, monotonic=lambda: 0.0)
    usual = {}
    for kind, opened in callers.items():
        for wanted in ("acme", "nothing", 7, None):
            sent = {"query": SLOW, "variables": {"project": wanted, "more": 1}}
            usual[kind, wanted] = (await opened.post("/graphql", json=sent)).content
    executed = []
    real = Engine.execute

    async def counted(self: Engine, *args: object) -> object:
        executed.append(args)
        return await real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "execute", counted)
    for (kind, wanted), content in usual.items():
        process.budgets = Budgets(10**9, 10**9, monotonic=lambda: 0.0)
        sent = {"query": TEXT, "variables": {"project": wanted, "more": 1}}
        answer = await callers[kind].post("/graphql", json=sent)
        assert without_cost(answer.content) == without_cost(content), (kind, wanted)
    odd = [one for one in usual if not isinstance(one[1], str)]
    assert len(executed) == len(odd), "only what is no text goes the usual way"
    listed = {
        kind: usual[kind, "acme"].count(b'"slug"') for kind in ("right", "part", "key", "stranger")
    }
    assert listed["right"] == 43
    assert 10 < listed["part"] == listed["key"] < 30
    assert listed["stranger"] == 0


def without_cost(content: bytes) -> bytes:
    """An answer without what is left of the budgets."""
    return content.partition(b',"extensions":{"cost"')[0]


async def test_a_spent_budget_refuses_either_way(
    callers: dict[str, httpx.AsyncClient], process: WebProcess
) -> None:
    answers = []
    for text in (SLOW, TEXT):
        process.budgets = Budgets(project=400, caller=10**9, monotonic=lambda: 0.0)
        for _ in range(2):
            sent = {"query": text, "variables": {"project": "acme"}}
            answer = await callers["right"].post("/graphql", json=sent)
        answers.append((answer.status_code, answer.headers["retry-after"], answer.content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 429


def test_hot_operations_are_compiled_and_others_are_not() -> None:
    engine = Engine(build_schema())
    kept = load_persisted(engine)
    assert {text.split("(")[0].removeprefix("query ") for text in kept.hot} == HOT

    def compiled(text: str) -> bool:
        prepared = engine.documents.prepare(text)
        assert not prepared.errors, prepared.errors
        return compile_list(prepared) is not None

    query = "query M($p: ID!%s) { project(id: $p) { %s } }"
    assert compiled(query % ("", "meters { id slug name { zh en } __typename }"))
    assert compiled(query % ("", "meters(ended: false) { id validTo }"))
    for wrong in (
        "meters { slug id }",
        "meters { id today { value } }",
        "meters { id powerUnit }",
        "meters { id code: slug }",
        "meters { id name { en: zh } }",
        "meters { id slug @skip(if: false) }",
        "meters { id ... on Meter { slug } }",
        "meters { id } nodes { id }",
        "all: meters { id }",
        "meters @include(if: true) { id }",
    ):
        assert not compiled(query % ("", wrong)), wrong
    assert not compiled(query % (", $e: Boolean!", "meters(ended: $e) { id }"))
    assert not compiled('{ project(id: "acme") { meters { id } } }')
    assert not compiled("query M($p: ID!) { project(id: $p) { meters { id } } now }")
