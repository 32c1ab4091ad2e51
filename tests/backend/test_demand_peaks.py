"""The month's highest demand, kept by hour, by both methods of a settlement meter."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

from backend.aggregation.calendar import plant_time
from backend.aggregation.figures import today_of
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.service.demand_peaks import keep_peaks, month_peak, run
from tests.backend.test_demand import add_node, incomer
from tests.postgres import NOW, Actor

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SURGE = [2000.0] * 100 + [2900.0] * 10 + [2000.0] * 10
"""Two hours until noon; the surge of ten minutes lies five on each side of 11:45."""


async def contract(database: Database, alice: Actor, step: int, powers: list[float]) -> int:
    """A site with one incomer read each minute, and a contract whose demand moves by `step`."""
    project = alice.tenant.id
    async with database.project(project) as tx:
        site = await add_node(tx, project, "site", NOW)
        await tx.execute(
            "INSERT INTO supply_contract (project_id, node_id, contract_demand_kw, capacity_kva,"
            " window_minutes, step_minutes, demand_price, valid_from)"
            " VALUES (%s, %s, 4200, 7650, 15, %s, 38.4, %s)",
            (project, site, step, NOW - timedelta(days=90)),
        )
    await incomer(database, project, site, "inc-1", powers, NOW)
    return site


async def accounted(
    database: Database, project: int, site: int, start: datetime, at: datetime, quarters: int = 4
) -> None:
    """Quarter hours of an hour are accounted at `at`."""
    async with database.project(project) as tx:
        for number in range(quarters):
            begin = start + number * 15 * MINUTE
            await tx.execute(
                "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                " end_ts, qty, quality, updated_at) VALUES (%s, 2, %s, 'electricity', 1, %s, %s, 1,"
                " 0, %s) ON CONFLICT (project_id, scope, scope_id, energy, period, start_ts)"
                " DO UPDATE SET updated_at = excluded.updated_at",
                (project, site, begin, begin + 15 * MINUTE, at),
            )


async def kept(database: Database, project: int) -> list[tuple[object, ...]]:
    """(start, kw, at) of all hours, oldest first."""
    async with database.read(project) as tx:
        return await tx.fetch_tuples(
            "SELECT start_ts, kw, at FROM demand_peak WHERE project_id = %s ORDER BY start_ts",
            (project,),
        )


async def maximum(database: Database, project: int, site: int) -> float | None:
    """The highest of the month that holds NOW."""
    today = today_of(plant_time("Asia/Shanghai", 0), NOW)
    async with database.read(project) as tx:
        return await month_peak(tx, project, site, today.month, today.month_end)


async def test_case_22_sliding_and_block_differ(database: Database, alice: Actor) -> None:
    """Sliding holds the whole surge, 2,000 + 900 x 10/15; a block half of it, 2,000 + 900 x 5/15.

    The first hour is not covered in its first window, and is 2,000 by both.
    """
    project = alice.tenant.id
    site = await contract(database, alice, 1, SURGE)
    for start in (NOW - 2 * HOUR, NOW - HOUR):
        await accounted(database, project, site, start, NOW)
    assert await maximum(database, project, site) is None
    assert not await keep_peaks(database, project, NOW)
    assert await kept(database, project) == [
        (NOW - 2 * HOUR, Decimal("2000.000"), NOW - 105 * MINUTE),
        (NOW - HOUR, Decimal("2600.000"), NOW - 10 * MINUTE),
    ]
    assert await maximum(database, project, site) == 2600.0
    async with database.project(project) as tx:
        await tx.execute(
            "UPDATE supply_contract SET step_minutes = 15 WHERE project_id = %s", (project,)
        )
        await tx.execute("DELETE FROM demand_peak WHERE project_id = %s", (project,))
    await keep_peaks(database, project, NOW)
    assert await kept(database, project) == [
        (NOW - 2 * HOUR, Decimal("2000.000"), NOW - 105 * MINUTE),
        (NOW - HOUR, Decimal("2300.000"), NOW - 15 * MINUTE),
    ]
    assert await maximum(database, project, site) == 2300.0


async def test_only_what_was_accounted_anew_is_computed_anew(
    database: Database, alice: Actor
) -> None:
    """A backlog changes the first hour: it and the one after it, whose windows reach back."""
    project = alice.tenant.id
    site = await contract(database, alice, 1, [2000.0] * 180)
    for hours in (3, 2, 1):
        await accounted(database, project, site, NOW - hours * HOUR, NOW)
    await keep_peaks(database, project, NOW)
    async with database.project(project) as tx:
        await tx.execute("UPDATE demand_peak SET kw = 1 WHERE project_id = %s", (project,))
    await accounted(database, project, site, NOW - 3 * HOUR, NOW + MINUTE, quarters=1)
    await keep_peaks(database, project, NOW)
    assert [row[1] for row in await kept(database, project)] == [
        Decimal("2000.000"),
        Decimal("2000.000"),
        Decimal(1),
    ]


async def test_a_months_import_is_kept_in_bites_and_ends_with_the_month(
    database: Database, alice: Actor
) -> None:
    """Thirteen hours take two calls, newest first; what is of last month is not in this one's."""
    project = alice.tenant.id
    site = await contract(database, alice, 1, [2000.0] * 60)
    for hours in range(1, 14):
        await accounted(database, project, site, NOW - hours * HOUR, NOW)
    await accounted(database, project, site, NOW - timedelta(days=20), NOW)
    assert await keep_peaks(database, project, NOW)
    assert len(await kept(database, project)) == 12
    assert not await keep_peaks(database, project, NOW)
    rows = await kept(database, project)
    assert [row[0] for row in rows] == [NOW - hours * HOUR for hours in range(13, 0, -1)]
    # Without readings there is no demand, and it is no zero.
    assert [row[1] for row in rows] == [None] * 12 + [Decimal("2000.000")]


async def test_they_are_looked_at_once_a_minute(
    platform: Platform, alice: Actor, clock: ManualClock
) -> None:
    """All bites of a backlog at the first look, what was accounted since at the next."""
    database, project = platform.database, alice.tenant.id
    site = await contract(database, alice, 1, [2000.0] * 60)
    for hours in range(2, 15):
        await accounted(database, project, site, NOW - hours * HOUR, NOW)
    keeping = asyncio.create_task(run(platform))
    while len(await kept(database, project)) < 13:  # noqa: ASYNC110 - a database
        await asyncio.sleep(0.01)
    await accounted(database, project, site, NOW - HOUR, NOW)
    await clock.advance(59)
    assert len(await kept(database, project)) == 13
    while await maximum(database, project, site) is None:
        await clock.advance(1)
        await asyncio.sleep(0.01)
    assert await maximum(database, project, site) == 2000.0
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_hours_that_a_version_reaches_wait_until_it_is_applied(
    database: Database, alice: Actor
) -> None:
    """A share of one half is written, its accounts follow; live hours after the change go on."""
    project = alice.tenant.id
    site = await contract(database, alice, 1, [2000.0] * 180)
    for hours in (3, 2, 1):
        await accounted(database, project, site, NOW - hours * HOUR, NOW)
    await keep_peaks(database, project, NOW)
    async with database.project(project) as tx:
        await tx.execute(
            "INSERT INTO restatement (project_id, uid, version, state, change, reason, first_ts,"
            " last_ts, proposed_by, proposed_at)"
            " VALUES (%s, gen_random_uuid(), 1, 'applying', '{}', 'x', %s, %s, %s, %s)",
            (project, NOW - 3 * HOUR, NOW - HOUR, alice.id, NOW),
        )
        await tx.execute(
            "UPDATE node_meter SET coefficient = 0.5 WHERE project_id = %s", (project,)
        )
    for hours in (3, 2, 1):
        await accounted(database, project, site, NOW - hours * HOUR, NOW + MINUTE)
    await keep_peaks(database, project, NOW)
    assert [row[1] for row in await kept(database, project)] == [2000, 2000, 1000]
    async with database.project(project) as tx:
        await tx.execute(
            "UPDATE restatement SET state = 'applied' WHERE project_id = %s", (project,)
        )
    await keep_peaks(database, project, NOW)
    assert [row[1] for row in await kept(database, project)] == [1000, 1000, 1000]
