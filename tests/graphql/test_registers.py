"""Events of registers over GraphQL: recorded, listed, answered, revoked, audited."""

from datetime import timedelta
from typing import Any

import pytest

from backend.aggregation.accounts import account
from backend.aggregation.dirty import mark_points
from backend.aggregation.register_events import Kind, RegisterEvent, record_event
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant, make_plant
from tests.postgres import NOW, Actor, MakePerson

QUARTER = timedelta(minutes=15)
RECORD = """mutation($input: RegisterEventInput!) { recordRegisterEvent(input: $input) {
  id kind start end final initial factor note unit open revokedAt recordedBy { login } } }"""
REVOKE = """mutation($event: ID!) { revokeRegisterEvent(project: "acme", event: $event) {
  id open revokedAt } }"""
LIST = """query($meter: ID!) { project(id: "acme") { meter(id: $meter) {
  registerEvents { id kind factor open revokedAt recordedBy { login } }
  judgements { kind start end before after added unit } }
  audit(first: 9) { action result } } }"""
START = (NOW - 4 * QUARTER).isoformat()


@pytest.fixture
async def made(platform: Platform, alice: Actor) -> Plant:
    """A plant whose meter m1 counts 1 kWh each quarter of an hour of the last hour."""
    plant = await make_plant(platform, alice.tenant)
    point = plant.points["m1", "ep_imp"]
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "DELETE FROM account WHERE project_id = %s AND scope = 1", (alice.tenant.id,)
        )
        await tx.execute_many(
            "INSERT INTO reading (project_id, point_id, ts, value, quality)"
            " VALUES (%s, %s, %s, %s, 0)",
            [(alice.tenant.id, point, NOW - (4 - i) * QUARTER, 10.0 + i) for i in range(5)],
        )
        await mark_points(tx, alice.tenant.id, [point], NOW - 4 * QUARTER, NOW)
    return plant


async def quarters(platform: Platform, plant: Plant) -> list[tuple[float, int]]:
    """m1's last four quarter hours in kWh with their quality, accounted anew."""
    project = plant.tenant.id
    async with platform.database.project(project) as tx:
        while (await account(tx, project, NOW, timedelta(days=1))).rows:
            pass
    async with platform.database.read(project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT qty, quality FROM account WHERE project_id = %s AND scope = 1 AND scope_id = %s"
            " AND period = 1 AND start_ts >= %s ORDER BY start_ts",
            (project, plant.meters["m1"].id, NOW - 4 * QUARTER),
        )
    return [(qty / 10**6, quality) for qty, quality in rows]


def wanted(plant: Plant, **fields: object) -> dict[str, Any]:
    """A ratio of 40/30 from the hour's begin, otherwise as given."""
    event = {"project": "acme", "meter": plant.meters["m1"].text, "kind": "RATIO", "start": START}
    return {"input": {**event, "factor": "40/30", **fields}}


async def test_a_ratio_is_recorded_listed_and_revoked(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(alice)
    answer: Any = await ask(hers, RECORD, wanted(made, note="CT 150/5 for 200/5"))
    told = answer["data"]["recordRegisterEvent"]
    event = told.pop("id")
    assert told == {
        "kind": "RATIO",
        "start": "2026-03-15T03:00:00Z",
        "end": None,
        "final": None,
        "initial": None,
        "factor": "4/3",
        "note": "CT 150/5 for 200/5",
        "unit": "kWh",
        "open": False,
        "revokedAt": None,
        "recordedBy": {"login": "alice"},
    }
    thirds = [(1.333334, 0), (1.333333, 0), (1.333333, 0), (1.333334, 0)]
    assert await quarters(platform, made) == thirds
    answer = await ask(hers, REVOKE, {"event": event})
    assert answer["data"]["revokeRegisterEvent"]["revokedAt"] == "2026-03-15T04:00:00Z"
    assert await quarters(platform, made) == [(1.0, 0)] * 4
    answer = await ask(hers, LIST, {"meter": made.meters["m1"].text})
    project = answer["data"]["project"]
    assert project["meter"]["registerEvents"] == [
        {
            "id": event,
            "kind": "RATIO",
            "factor": "4/3",
            "open": False,
            "revokedAt": "2026-03-15T04:00:00Z",
            "recordedBy": {"login": "alice"},
        }
    ]
    assert project["audit"] == [
        {"action": "register.revoke", "result": "done"},
        {"action": "register.record", "result": "done"},
    ]


async def test_a_change_that_a_device_told_of_is_answered(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    point = made.points["m1", "ep_imp"]
    async with platform.database.project(alice.tenant.id) as tx:
        change = RegisterEvent(point, Kind.CHANGED, NOW - 2 * QUARTER, note="serial 7 -> 8")
        await record_event(tx, alice.tenant.id, change, NOW)
    assert [quality for _, quality in await quarters(platform, made)] == [0, 0, 4, 4]
    hers = await client(alice)
    variables = {"meter": made.meters["m1"].text}
    answer: Any = await ask(hers, LIST, variables)
    (told,) = answer["data"]["project"]["meter"]["registerEvents"]
    assert (told["kind"], told["open"], told["recordedBy"]) == ("CHANGED", True, None)
    exchange = wanted(
        made,
        kind="EXCHANGE",
        start=(NOW - 2 * QUARTER).isoformat(),
        factor=None,
        final="12.5",
        initial="12",
        answers=told["id"],
    )
    answer = await ask(hers, RECORD, exchange)
    assert answer["data"]["recordRegisterEvent"]["final"] == 12.5
    # The reading at the exchange's instant is the new meter's.
    assert await quarters(platform, made) == [(1.0, 0), (1.5, 0), (1.0, 0), (1.0, 0)]
    answer = await ask(hers, LIST, variables)
    meter = answer["data"]["project"]["meter"]
    assert [one["open"] for one in meter["registerEvents"]] == [False, False]
    assert meter["judgements"] == [
        {
            "kind": "exchange",
            "start": "2026-03-15T03:30:00Z",
            "end": "2026-03-15T03:30:00Z",
            "before": "12.5",
            "after": "12",
            "added": "0.5",
            "unit": "kWh",
        }
    ]


NONSENSE: list[tuple[dict[str, object], str]] = [
    ({"start": (NOW - timedelta(days=2)).isoformat()}, "restatement_needed"),
    ({"start": "2099-01-01T00:00:00Z"}, "register_event_time"),
    ({"factor": "a/b"}, "register_event_fraction"),
    ({"factor": "1/0"}, "register_event_fraction"),
    ({"factor": "NaN"}, "register_event_fraction"),
    ({"factor": "1e99"}, "register_event_factor"),
    ({"factor": "-1"}, "register_event_factor"),
    ({"factor": None}, "register_event_needs"),
    ({"final": "1"}, "register_event_no_field"),
    ({"end": START}, "register_event_span"),
    ({"note": "x" * 201}, "register_event_note"),
    ({"answers": "rev_00000000000000000000000000"}, "register_event_answers"),
    ({"answers": "nonsense"}, "register_event_answers"),
    ({"meter": "mtr_00000000000000000000000000"}, "not_found"),
    ({"kind": "EXCHANGE", "factor": None, "final": "NaN", "initial": "1"}, "graphql_invalid"),
]


async def test_bad_input_names_what_is_wrong_and_changes_nothing(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    for fields, code in NONSENSE:
        answer: Any = await ask(hers, RECORD, wanted(made, **fields))
        assert answer["errors"][0]["extensions"]["code"] == code, fields
    answer = await ask(hers, LIST, {"meter": made.meters["m1"].text})
    project = answer["data"]["project"]
    assert (project["meter"]["registerEvents"], project["audit"]) == ([], [])


async def test_a_shift_leader_records_an_exchange_but_no_ratio(
    client: Client, ask: Ask, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    leader = await client(await make_person("bob", alice.tenant, role="shift_leader"))
    answer: Any = await ask(leader, RECORD, wanted(made))
    assert answer["errors"][0]["extensions"]["code"] == "not_allowed"
    exchange = wanted(made, kind="EXCHANGE", factor=None, final="10", initial="0")
    answer = await ask(leader, RECORD, exchange)
    assert answer["data"]["recordRegisterEvent"]["recordedBy"] == {"login": "bob"}
    ratio: Any = await ask(await client(alice), RECORD, wanted(made))
    event = ratio["data"]["recordRegisterEvent"]["id"]
    answer = await ask(leader, REVOKE, {"event": event})
    assert answer["errors"][0]["extensions"]["code"] == "not_allowed"
