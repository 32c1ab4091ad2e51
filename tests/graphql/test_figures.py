"""The first screen, curves and rankings: every number computed by hand, and all cross-footing."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from backend.aggregation.calendar import keep_calendar, plant_time
from backend.core.db import ReadSession
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, MakePlant
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor

DAY = datetime.fromisoformat("2026-03-15T00:00:00+08:00")
FACTORS = {"kgce": Decimal("0.1229"), "kgco2": Decimal("0.5306"), "cost": Decimal("0.7")}
QUARTER_KWH = {"site": 75, "a": 50, "b": 20}
"""Each quarter hour of each node; a whole day has 96."""
DAYS_BEFORE = 14
"""The month began with the 1st; today is the 15th, with 48 quarter hours until noon."""


async def fill(platform: Platform, made: Plant) -> None:
    """Write calendar and accounts from the 1st until NOW (noon of the 15th)."""
    project = made.tenant.id
    async with platform.database.project(project) as tx:
        plant = plant_time("Asia/Shanghai", 0)
        await keep_calendar(tx, project, plant, NOW - timedelta(days=40), NOW + timedelta(days=20))

        async def account(
            scope: int, number: int, period: int, start: datetime, span: timedelta, kwh: int
        ) -> None:
            await tx.execute(
                "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                " end_ts, qty, quality, kgce, kgco2, cost, updated_at)"
                " VALUES (%s, %s, %s, 'electricity', %s, %s, %s, %s, 0, %s, %s, %s, %s)",
                (
                    project,
                    scope,
                    number,
                    period,
                    start,
                    start + span,
                    kwh * 1_000_000,
                    *(kwh * factor for factor in FACTORS.values()),
                    NOW,
                ),
            )

        quarter, day = timedelta(minutes=15), timedelta(days=1)
        scopes = [(2, made.nodes[slug].id, kwh) for slug, kwh in QUARTER_KWH.items()]
        scopes.append((1, made.meters["m1"].id, QUARTER_KWH["a"]))
        for scope, number, kwh in scopes:
            for n in range(96 + 48):
                await account(scope, number, 1, DAY - day + n * quarter, quarter, kwh)
            for n in range(DAYS_BEFORE):
                start = DAY - (DAYS_BEFORE - n) * day
                await account(scope, number, 3, start, day, kwh * 96)
            await account(scope, number, 3, DAY, day, kwh * 48)


SUMMARY = """{ project(id: "acme") { summary {
  at node { slug }
  today { start end quantity value unit kgce kgco2 cost estimated quality }
  yesterday { value } month { value kgco2 cost }
  energies { energy value quality } totalKgce totalKgco2 totalCost
  todaySeries { start step values unit starts labels } yesterdaySeries { values quality }
  monthSeries { start step starts labels values quality }
  powerKw powerAt top { node { slug } powerKw share } openAlarms metersLive metersTotal
  demand { currentKw } importProgress { id } } } }"""


async def test_the_first_screen_cross_foots(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    await fill(platform, await plant(alice.tenant))
    answer = await ask(await client(alice), SUMMARY)
    summary = answer["data"]["project"]["summary"]  # type: ignore[index]
    assert summary["today"] == {
        "start": "2026-03-14T16:00:00Z",
        "end": "2026-03-15T04:00:00Z",
        "quantity": "3600000000",
        "value": "3600.000000",
        "unit": "kWh",
        "kgce": "442.4400",
        "kgco2": "1910.1600",
        "cost": "2520.0",
        "estimated": "0.000000",
        "quality": "GOOD",
    }
    assert Decimal(summary["today"]["kgco2"]) == 3600 * FACTORS["kgco2"]
    assert summary["yesterday"] == {"value": "3600.000000"}
    days = summary["monthSeries"]["values"]
    assert days == [7200] * 14 + [3600] + [None] * 16
    assert summary["monthSeries"]["quality"] == [0] * 15 + [5] * 16
    assert summary["monthSeries"]["labels"][:2] == ["2026-03-01", "2026-03-02"]
    assert summary["monthSeries"]["starts"][0] == "2026-02-28T16:00:00Z"
    assert summary["monthSeries"]["step"] is None
    assert Decimal(summary["month"]["value"]) == sum(day for day in days if day is not None)
    quarters = summary["todaySeries"]["values"]
    assert quarters == [75] * 48
    assert sum(quarters) == Decimal(summary["today"]["value"])
    assert summary["todaySeries"]["step"] == 900
    assert summary["todaySeries"]["starts"] is None
    assert len(summary["yesterdaySeries"]["values"]) == 96
    assert summary["energies"] == [
        {"energy": "electricity", "value": "3600.000000", "quality": "GOOD"}
    ]
    totals = (summary["totalKgce"], summary["totalKgco2"], summary["totalCost"])
    assert totals == ("442.4400", "1910.1600", "2520.0")
    assert (summary["powerKw"], summary["powerAt"]) == (300.0, "2026-03-15T03:59:00Z")
    assert summary["top"] == [
        {"node": {"slug": "a"}, "powerKw": 200.0, "share": pytest.approx(2 / 3)},
        {"node": {"slug": "b"}, "powerKw": 80.0, "share": pytest.approx(8 / 30)},
    ]
    assert (summary["metersLive"], summary["metersTotal"]) == (3, 3)
    assert (summary["openAlarms"], summary["demand"], summary["importProgress"]) == (0, None, None)


async def test_an_empty_plant_has_missing_figures_never_zeros_that_look_good(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant
) -> None:
    await plant(alice.tenant)
    answer = await ask(await client(alice), SUMMARY)
    summary = answer["data"]["project"]["summary"]  # type: ignore[index]
    assert summary["today"]["quality"] == "MISSING"
    assert summary["todaySeries"]["values"] == [None] * 48
    assert summary["totalKgce"] is None


async def test_a_stock_is_an_energy_of_the_site_from_midnight_on_and_nothing_that_falls_silent(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    await fill(platform, made)
    project = alice.tenant.id
    async with platform.database.project(project) as tx:
        await tx.execute(
            "WITH m AS (INSERT INTO meter (project_id, uid, slug, name, energy, level, source)"
            " VALUES (%s, %s, 'diesel', '{\"en\": \"Diesel\"}', 'diesel', 1, 'stock') RETURNING id)"
            " INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)"
            " SELECT %s, %s, id, 1 FROM m",
            (project, new_uuid(NOW), project, made.nodes["site"].id),
        )
    answer = await ask(await client(alice), SUMMARY)
    summary = answer["data"]["project"]["summary"]  # type: ignore[index]
    assert summary["energies"] == [
        {"energy": "electricity", "value": "3600.000000", "quality": "GOOD"},
        {"energy": "diesel", "value": "0.000000", "quality": "MISSING"},
    ]
    assert summary["totalCost"] == "2520.0"
    assert (summary["metersLive"], summary["metersTotal"]) == (3, 3)


async def test_a_stale_meter_makes_the_sites_power_unknown(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    async with platform.database.ingest() as tx:
        await tx.execute(
            "UPDATE last_value SET ts = %s WHERE project_id = %s AND point_id = %s",
            (NOW - timedelta(hours=1), alice.tenant.id, made.points["m0", "p"]),
        )
    query = '{ project(id: "acme") { summary { powerKw top { powerKw share } } } }'
    answer = await ask(await client(alice), query)
    assert answer["data"] == {
        "project": {
            "summary": {
                "powerKw": None,
                "top": [{"powerKw": 200.0, "share": 0.0}, {"powerKw": 80.0, "share": 0.0}],
            }
        }
    }


SERIES = """query ($scope: ID!, $measure: Measure!, $period: Period!, $start: DateTime!,
  $end: DateTime!) { project(id: "acme") { series(scope: $scope, energy: "electricity",
  measure: $measure, period: $period, start: $start, end: $end) {
  start end step starts unit values quality labels } } }"""


async def test_a_curve_is_widened_to_whole_periods_and_exact(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    await fill(platform, made)
    opened = await client(alice)

    async def series(scope: str, measure: str, period: str, start: str, end: str) -> object:
        named = {"scope": scope, "measure": measure, "period": period, "start": start, "end": end}
        answer = await ask(opened, SERIES, named)
        return answer["data"]["project"]["series"]  # type: ignore[index]

    assert await series(
        made.meters["m1"].text,
        "KGCO2",
        "QUARTER",
        "2026-03-15T03:20:00Z",
        "2026-03-15T04:20:00Z",
    ) == {
        "start": "2026-03-15T03:15:00Z",
        "end": "2026-03-15T04:30:00Z",
        "step": 900,
        "starts": None,
        "unit": "kgCO2",
        "values": [26.53, 26.53, 26.53, None, None],
        "quality": [0, 0, 0, 5, 5],
        "labels": None,
    }
    assert await series(
        made.nodes["b"].text, "COST", "DAY", "2026-03-13T16:00:01Z", "2026-03-15T16:00:00Z"
    ) == {
        "start": "2026-03-13T16:00:00Z",
        "end": "2026-03-15T16:00:00Z",
        "step": None,
        "starts": ["2026-03-13T16:00:00Z", "2026-03-14T16:00:00Z"],
        "unit": "CNY",
        "values": [1344, 672],
        "quality": [0, 0],
        "labels": ["2026-03-14", "2026-03-15"],
    }


async def test_the_ranking_is_sorted_and_shares_are_of_the_parent(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    await fill(platform, await plant(alice.tenant))
    answer = await ask(
        await client(alice),
        """{ project(id: "acme") {
             ranking(energy: "electricity", period: DAY) {
               node { slug } figures { value start } share }
             periods(period: MONTH, start: "2026-03-10T00:00:00Z", end: "2026-03-11T00:00:00Z") {
               start end label } } }""",
    )
    assert answer["data"] == {
        "project": {
            "ranking": [
                {
                    "node": {"slug": slug},
                    "figures": {"value": value, "start": "2026-03-14T16:00:00Z"},
                    "share": pytest.approx(share),
                }
                for slug, value, share in (
                    ("a", "2400.000000", 2 / 3),
                    ("b", "960.000000", 20 / 75),
                )
            ],
            "periods": [
                {
                    "start": "2026-02-28T16:00:00Z",
                    "end": "2026-03-31T16:00:00Z",
                    "label": "2026-03",
                }
            ],
        }
    }


async def test_wrong_questions_are_told_by_code(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    opened = await client(alice)
    wrong = {
        "energy_unknown": ("sun", made.nodes["a"].text, "2026-03-01T00:00:00Z"),
        "not_found": ("electricity", "node_nothing", "2026-03-01T00:00:00Z"),
        "span_empty": ("electricity", made.nodes["a"].text, "2026-04-01T00:00:00Z"),
        "span_too_long": ("electricity", made.nodes["a"].text, "2016-03-01T00:00:00Z"),
    }
    for code, (energy, scope, start) in wrong.items():
        query = f"""{{ project(id: "acme") {{ series(scope: "{scope}", energy: "{energy}",
            period: HOUR, start: "{start}", end: "2026-03-02T00:00:00Z") {{ unit }} }} }}"""
        answer = await ask(opened, query)
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]  # type: ignore[attr-defined]


STATEMENTS = {
    "{ viewer { projects { slug } } }": 2,
    '{ project(id: "acme") { nodes { id energies meterIds } } }': 9,
    '{ project(id: "acme") { meters { id device { slug } power { value } today { value } } } }': 12,
    '{ project(id: "acme") { devices { id values { value } } gateways { slug } } }': 10,
}
"""Statements of an answer on a process that knows nothing yet, whatever the number of rows."""


@pytest.mark.parametrize("query", STATEMENTS)
async def test_statements_do_not_grow_with_rows(
    client: Client,
    ask: Ask,
    alice: Actor,
    plant: MakePlant,
    query: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await plant(alice.tenant)
    opened = await client(alice)
    count = 0

    def counted(name: str) -> None:
        original = getattr(ReadSession, name)

        async def fetch(self: ReadSession, *args: object, **named: object) -> object:
            nonlocal count
            count += 1
            return await original(self, *args, **named)

        monkeypatch.setattr(ReadSession, name, fetch)

    for name in ("fetch_all", "fetch_one", "fetch_tuples"):
        counted(name)
    answer = await ask(opened, query)
    assert "errors" not in answer
    assert count == STATEMENTS[query]


async def test_a_read_sees_one_moment(platform: Platform, alice: Actor, plant: MakePlant) -> None:
    await plant(alice.tenant)
    count = "SELECT count(*) FROM node WHERE project_id = %s"
    async with platform.database.read(alice.tenant.id) as tx:
        assert await tx.fetch_value(count, (alice.tenant.id,), into=int) == 4
        async with platform.database.project(alice.tenant.id) as writer:
            await writer.execute("DELETE FROM node WHERE project_id = %s", (alice.tenant.id,))
        assert await tx.fetch_value(count, (alice.tenant.id,), into=int) == 4
