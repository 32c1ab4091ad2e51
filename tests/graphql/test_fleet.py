"""How gateways are, and whether their data are complete."""

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from backend.core.platform import Platform
from backend.service.gateways.configuration import GatewayKey, put_config
from backend.service.people.asker import Asker
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor

HEALTH = """{ project(id: "acme") { gateways { slug online clockOffsetMs droppedTotal health {
  wire software diedAt backlog sequenceGaps rebirths devices devicesAlive configVersion
  configWanted configState configInForce grantedUntil dataBytes dataForecast dataBudget
  lines { name devices alive connected busyPercent late failed } } } } }"""
LINES = [
    {
        "name": "modbus://h:502",
        "devices": 2,
        "alive": 1,
        "connected": True,
        "busy": 37,
        "failed": 4,
    },
    {"name": "iec104://h:2404", "devices": 1, "alive": 0, "connected": False},
]
MINUTE = timedelta(minutes=1)


async def test_how_a_gateway_is(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers, project = await client(alice), made.tenant.id
    [bare] = (await ask(hers, HEALTH))["data"]["project"]["gateways"]  # type: ignore[index]
    assert bare["health"]["lines"] == []
    assert (bare["health"]["devices"], bare["health"]["devicesAlive"]) == (3, 3)
    assert {bare["health"][key] for key in ("wire", "configWanted", "configInForce")} == {None}
    async with platform.database.project(project) as tx:
        key = GatewayKey(made.gateway.id, made.gateway.uid)
        row = await put_config(
            tx, project, key, "timeout_s: 1", "", Asker(alice.id, alice.uid), NOW
        )
        await tx.execute(
            "UPDATE gateway_state SET wire = '1.0', software = '0.3', backlog = 12, seq_gaps = 1,"
            " rebirths = 2, clock_offset_ms = -40, dropped_total = 3, config_version = 1,"
            " data_bytes = 5000000000, data_forecast = 6000000000, data_budget = 0,"
            " config_hash = %s, standing = %s, granted_until = %s"
            " WHERE project_id = %s",
            (row.hash, Jsonb(LINES), NOW + MINUTE, project),
        )
        await tx.execute(
            "UPDATE device SET online = false WHERE project_id = %s AND slug = 'd-m1'", (project,)
        )
    [full] = (await ask(hers, HEALTH))["data"]["project"]["gateways"]  # type: ignore[index]
    assert full == {
        "slug": "g1",
        "online": True,
        "clockOffsetMs": -40,
        "droppedTotal": "3",
        "health": {
            "wire": "1.0",
            "software": "0.3",
            "diedAt": None,
            "backlog": 12,
            "sequenceGaps": 1,
            "rebirths": 2,
            "devices": 3,
            "devicesAlive": 2,
            "configVersion": 1,
            "configWanted": 1,
            "configState": "WAITING",
            "configInForce": True,
            "grantedUntil": "2026-03-15T04:01:00Z",
            "dataBytes": "5000000000",
            "dataForecast": "6000000000",
            "dataBudget": "0",
            "lines": [
                {
                    "name": "modbus://h:502",
                    "devices": 2,
                    "alive": 1,
                    "connected": True,
                    "busyPercent": 37,
                    "late": 0,
                    "failed": 4,
                },
                {
                    "name": "iec104://h:2404",
                    "devices": 1,
                    "alive": 0,
                    "connected": False,
                    "busyPercent": None,
                    "late": 0,
                    "failed": 0,
                },
            ],
        },
    }


async def readings(platform: Platform, made: Plant, meter: str, *minutes: int) -> None:
    """Readings of a meter's register, in minutes before NOW."""
    async with platform.database.ingest() as ingest:
        await ingest.execute_many(
            "INSERT INTO reading (project_id, point_id, ts, value) VALUES (%s, %s, %s, 1)",
            [
                (made.tenant.id, made.points[meter, "ep_imp"], NOW - minute * MINUTE)
                for minute in minutes
            ],
        )


async def test_every_hour_has_its_account_of_what_is_missing(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(alice)
    async with platform.database.project(made.tenant.id) as tx:
        await tx.execute(
            "UPDATE gateway_state SET epoch = 7 WHERE project_id = %s", (made.tenant.id,)
        )
    # m1 from 01:50 on, with the slots 02:30 and 03:15 empty; m2 began at 03:40 and is whole.
    await readings(platform, made, "m1", 130, 120, 105, 75, 60, 59, 58, 30, 15, 0)
    await readings(platform, made, "m2", 20, 15)
    span = 'start: "2026-03-15T01:10:00Z", end: "2026-03-15T05:00:00Z"'
    query = (
        f'{{ project(id: "acme") {{ gapLedger({span}%s) {{ expected stored missing'
        " hours { gatewayId meterId hour expected stored missing } } } }"
    )

    def row(meter: str, hour: int, expected: int, stored: int) -> dict[str, object]:
        return {
            "gatewayId": made.gateway.text,
            "meterId": made.meters[meter].text,
            "hour": f"2026-03-15T0{hour}:00:00Z",
            "expected": expected,
            "stored": stored,
            "missing": expected - stored,
        }

    gaps = (await ask(hers, query % ""))["data"]["project"]["gapLedger"]  # type: ignore[index]
    # 01:45 is the slot of the first reading; 04:00 is not over yet.
    assert gaps == {
        "expected": 1 + 4 + 4 + 2,
        "stored": 1 + 3 + 3 + 2,
        "missing": 2,
        "hours": [row("m1", 3, 4, 3), row("m1", 2, 4, 3)],
    }
    one = f', meter: "{made.meters["m2"].text}", all: true'
    gaps = (await ask(hers, query % one))["data"]["project"]["gapLedger"]  # type: ignore[index]
    assert gaps["hours"] == [row("m2", 3, 2, 2)]
    by_gateway = f', gateway: "{made.gateway.text}"'
    gaps = (await ask(hers, query % by_gateway))["data"]["project"]["gapLedger"]  # type: ignore[index]
    assert gaps["missing"] == 2


async def test_others_owe_what_their_births_promise(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    async with platform.database.project(made.tenant.id) as tx:
        await tx.execute(
            "UPDATE point SET max_gap_s = 1800 WHERE project_id = %s AND id = %s",
            (made.tenant.id, made.points["m1", "ep_imp"]),
        )
    await readings(platform, made, "m1", 121, 90, 59)
    answer = await ask(
        await client(alice),
        '{ project(id: "acme") { gapLedger(start: "2026-03-15T02:00:00Z",'
        ' end: "2026-03-15T04:00:00Z", all: true) { hours { hour expected stored } } } }',
    )
    assert answer["data"]["project"]["gapLedger"]["hours"] == [  # type: ignore[index]
        {"hour": "2026-03-15T03:00:00Z", "expected": 2, "stored": 1},
        {"hour": "2026-03-15T02:00:00Z", "expected": 2, "stored": 1},
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('start: "2026-03-15T02:00:00Z", end: "2026-03-15T01:00:00Z"', "span_empty"),
        ('start: "2020-01-01T00:00:00Z", end: "2026-01-01T00:00:00Z"', "span_too_long"),
        (
            'start: "2026-03-15T02:00:00Z", end: "2026-03-15T04:00:00Z", meter: "gtw_x"',
            "not_found",
        ),
    ],
)
async def test_what_cannot_be_asked(
    client: Client, ask: Ask, alice: Actor, made: Plant, arguments: str, code: str
) -> None:
    answer = await ask(
        await client(alice),
        f'{{ project(id: "acme") {{ gapLedger({arguments}) {{ missing }} }} }}',
    )
    assert answer["errors"][0]["extensions"]["code"] == code  # type: ignore[index]


async def test_one_gateway_by_its_identity(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers, one = (
        await client(alice),
        'query($id: ID!) { project(id: "acme") { gateway(id: $id) { slug } } }',
    )
    found = [
        (await ask(hers, one, {"id": id}))["data"]["project"]["gateway"]  # type: ignore[index]
        for id in (made.gateway.text, "gtw_x")
    ]
    assert found == [{"slug": "g1"}, None]
