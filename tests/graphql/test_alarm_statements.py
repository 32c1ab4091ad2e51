"""The lists a phone opens first take a fixed number of statements, however many alarms."""

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from backend.core.db import ReadSession
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, MakePlant
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor

MINUTE = timedelta(minutes=1)

LIST = """{ project(id: "acme") { alarms { id state definition { en } node { slug } } } }"""
DETAILS = """{ project(id: "acme") { alarms { id clearedAt ack { person { name { en } } at }
  acks { result } transitions { state person { login } } shed { powerKw }
  avoided { amount confirmed forecastKw peakKw } } } }"""
SUMMARY = """{ project(id: "acme") { summary { today { value } month { value } openAlarms
  demand { currentKw monthMaxKw } todaySeries { values } } } }"""
STATEMENTS = {LIST: 3, DETAILS: 12, SUMMARY: 19}


async def demand_alarms(platform: Platform, made: Plant, person: int, count: int) -> None:
    """A contract, an incomer read each minute at 4,620 kW, and alarms that were taken."""
    project = made.tenant.id
    async with platform.database.project(project) as tx:
        await tx.execute(
            "INSERT INTO supply_contract (project_id, node_id, contract_demand_kw, capacity_kva,"
            " window_minutes, step_minutes, demand_price, valid_from)"
            " VALUES (%s, %s, 4200, 7650, 15, 1, 40, %s)",
            (project, made.nodes["site"].id, NOW - timedelta(days=90)),
        )
        await tx.execute(
            "INSERT INTO shed_item (project_id, node_id, position, power_kw, max_minutes)"
            " VALUES (%s, %s, 1, 420, 15)",
            (project, made.nodes["a"].id),
        )
        definition = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, params, created_at)"
            " VALUES (%s, %s, 'demand_forecast', '{}', '{}', %s) RETURNING id",
            (project, new_uuid(NOW), NOW),
            into=int,
        )
        for number in range(1, count + 1):
            raised = NOW - 20 * MINUTE - number * MINUTE
            occurrence = await tx.fetch_value(
                "INSERT INTO alarm_occurrence (project_id, uid, definition_id, number, raised_at,"
                " params) VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
                (project, new_uuid(NOW), definition, number, raised, Jsonb({"shedKw": 300})),
                into=int,
            )
            steps = (("UNACK", "raise", None), ("ACKED", "ack", person))
            for step, (state, cause, who) in enumerate(steps, start=1):
                await tx.execute(
                    "INSERT INTO alarm_transition (project_id, definition_id, occurrence_number,"
                    " step, state, cause, at, recorded_at, person_id, params)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    (
                        project, definition, number, step, state, cause,
                        raised + step * MINUTE, NOW, who, Jsonb({"valueKw": 4700 + number}),
                    ),
                )  # fmt: skip
            await tx.execute(
                "INSERT INTO alarm_ack (project_id, key, occurrence_id, person_id, device_time,"
                " effective_at, received_at, result) VALUES (%s, %s, %s, %s, %s, %s, %s, 'first')",
                (project, new_uuid(NOW), occurrence, person, NOW, NOW, NOW),
            )
    async with platform.database.ingest() as ingest:
        await ingest.execute_many(
            "INSERT INTO reading (project_id, point_id, ts, value) VALUES (%s, %s, %s, %s)",
            [
                (project, made.points["m0", "ep_imp"], NOW - minute * MINUTE, 9000 - 77.0 * minute)
                for minute in range(90)
            ],
        )


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that read, from now on."""
    seen: list[str] = []

    def counted(name: str) -> None:
        original = getattr(ReadSession, name)

        async def fetch(self: ReadSession, *args: object, **named: object) -> object:
            seen.append(str(args[0]))
            return await original(self, *args, **named)

        monkeypatch.setattr(ReadSession, name, fetch)

    for name in ("fetch_all", "fetch_one", "fetch_tuples"):
        counted(name)
    return seen


@pytest.mark.parametrize("count", [1, 7])
async def test_statements_do_not_grow_with_alarms(
    client: Client,
    ask: Ask,
    alice: Actor,
    plant: MakePlant,
    platform: Platform,
    statements: list[str],
    count: int,
) -> None:
    await demand_alarms(platform, await plant(alice.tenant), alice.id, count)
    opened = await client(alice)
    await ask(opened, LIST)
    for query, expected in STATEMENTS.items():
        statements.clear()
        answer = await ask(opened, query)
        assert "errors" not in answer
        assert len(statements) == expected, statements


async def test_each_alarm_has_its_own_avoided_cost(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    await demand_alarms(platform, await plant(alice.tenant), alice.id, 3)
    answer = await ask(await client(alice), DETAILS)
    alarms = answer["data"]["project"]["alarms"]  # type: ignore[index]
    # 2 x 40 a kW x (forecast 4,701 .. 4,703 - peak 4,620), both above the limit of 4,410.
    assert [alarm["avoided"] for alarm in alarms] == [
        {"amount": amount, "confirmed": False, "forecastKw": kw, "peakKw": 4620.0}
        for amount, kw in (("6480.00", 4701.0), ("6560.00", 4702.0), ("6640.00", 4703.0))
    ]
    assert [alarm["shed"] for alarm in alarms] == [[{"powerKw": 420.0}]] * 3
    assert [alarm["ack"]["at"] for alarm in alarms] == ["2026-03-15T04:00:00Z"] * 3
