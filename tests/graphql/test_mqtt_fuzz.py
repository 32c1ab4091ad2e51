"""Whatever third parties send on their topics, nothing breaks and what can be answered is."""

import random
import string
from collections.abc import Iterator
from itertools import islice

import msgspec
import psycopg
import pytest

from backend.application.mqtt_api.messages import CommandResult
from backend.core.platform import Platform
from backend.service.integration.access import Scope
from tests.graphql.plants import make_plant
from tests.graphql.third_parties import speaking, third_parties, until
from tests.postgres import MakePerson, MakeProject

SEEDS = (1, 2)
MESSAGES = 300
FILTERS = 30
VALUES: tuple[object, ...] = (
    None, True, 0, -1, 1.5, 1e308, 2**70, "", "p", "x" * 300, "ä", "\x00", [], {}, [[[]]], {"a": 1},
)  # fmt: skip
LEVELS = (
    "g1",
    "d-m1",
    "d-m2",
    "",
    " ",
    "+x",
    "#",
    "$SYS",
    "%2F",
    "%00",
    "%zz",
    "é",
    "\u200b",
    "x" * 200,
)
FIELDS = ("id", "point", "value", "expected_old", "not_after_seconds", "more")
SERVER_ERRORS = {"internal", "error", "unavailable"}


def bodies(fuzz: random.Random) -> Iterator[bytes]:
    """Requests: whole, damaged, of wrong types, and no JSON at all."""
    while True:
        body: dict[str, object] = {"id": f"n{fuzz.randrange(50)}", "point": "p", "value": 1.5}
        for name in fuzz.sample(FIELDS, fuzz.randrange(4)):
            body[name] = fuzz.choice(VALUES)
        for name in fuzz.sample(sorted(body), fuzz.randrange(2)):
            del body[name]
        payload = bytearray(msgspec.json.encode(body))
        kind = fuzz.randrange(5)
        if kind == 0:
            payload[fuzz.randrange(len(payload))] = fuzz.randrange(256)
        elif kind == 1:
            payload = payload[: fuzz.randrange(len(payload))]
        elif kind == 2:
            payload = bytearray(fuzz.randbytes(fuzz.randrange(60)))
        yield bytes(payload)


def devices(fuzz: random.Random) -> Iterator[str]:
    """The two last levels of a request's topic, mostly those of a device that is there."""
    while True:
        if fuzz.randrange(3):
            yield "g1/d-m1"
            continue
        levels = [fuzz.choice(LEVELS), fuzz.choice((*LEVELS, fuzz.choice(string.printable)))]
        yield "/".join(levels).replace("#", "%23").replace("+", "%2B").replace("\x00", "")


def filters(fuzz: random.Random) -> Iterator[str]:
    """Filters below a project, proper and not: wildcards where none may stand."""
    while True:
        levels = [fuzz.choice((*LEVELS, "+", "#", "a+")) for _ in range(fuzz.randrange(1, 4))]
        yield "/".join((fuzz.choice(("readings", "alarms", "commands", "+", "")), *levels))


@pytest.mark.parametrize("seed", SEEDS)
async def test_requests_of_any_kind_are_answered_or_dropped(
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
    admin: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr("backend.application.mqtt_api.requests.MOST_WAITING", 10_000)
    monkeypatch.setattr("backend.application.mqtt_api.requests.MOST_OF_ONE", 10_000)
    root = await make_person("root", await make_project("acme"), role="administrator")
    plant = await make_plant(platform, root.tenant)
    fuzz = random.Random(seed)
    wanted: dict[str, tuple[tuple[Scope, ...], int | None]] = {"all": (tuple(Scope), None)}
    async with (
        third_parties(platform, root, plant, wanted) as there,
        speaking(there.platform),
    ):
        caller = await there.hear("all", there.results("all"), "config/+")
        await until(caller, lambda where, _: "config" in where)
        for levels in islice(filters(fuzz), FILTERS):
            assert await caller.subscribe(f"kilowise/acme/{levels}") in {0, 128}
        for body, device in islice(zip(bodies(fuzz), devices(fuzz), strict=False), MESSAGES):
            topic = f"kilowise/acme/commands/{there.names['all']}/{device}"
            caller.client.publish(topic, body, qos=1)
        there.ask("all", caller, {"id": "last", "point": "p", "value": 2})
        await until(caller, lambda where, _: where.endswith("/last"))
    results = [
        msgspec.json.decode(payload, type=CommandResult)
        for topic, payload in caller.heard
        if "results" in topic
    ]
    assert len(results) > MESSAGES // 2
    assert {one.state for one in results} == {"refused", "waiting"}
    codes = {one.code for one in results if one.state == "refused"}
    assert codes <= {"mqtt_unreadable", "not_found", "command_value", "command_key"}
    assert not codes & SERVER_ERRORS
    assert "could not be answered" not in caplog.text
    commands = admin.execute("SELECT count(*) FROM command").fetchone()
    assert commands is not None
    assert 1 < commands[0] <= 51
