"""Versions of accounts: whatever restatements do, every earlier version reads as it was then."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.figures import ranking, sums
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Measure, Span, curve
from backend.core.db import Database
from backend.core.ids import new_uuid
from gateway.contract.energy import energy_type
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.backend.plant_versions import as_of, current
from tests.postgres import NOW, MakeProject

KWH = 10**6
MIN = timedelta(minutes=1)
START = datetime(2026, 3, 9, 16, tzinfo=UTC)
"""Midnight in Shanghai."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def restate(plant: Plant, version: int, change: Callable[[], Awaitable[None]]) -> None:
    """Apply a change as a version, in many transactions."""
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO restatement (project_id, uid, version, state, change, reason, first_ts,"
            " last_ts, proposed_by, proposed_at) VALUES (%s, %s, %s, 'applying', '{}', 'test', %s,"
            " %s, 1, %s)",
            (plant.project, new_uuid(NOW), version, START, NOW, NOW),
        )
    await change()
    await plant.settle(span=6 * timedelta(hours=1))
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE restatement SET state = 'applied' WHERE project_id = %s AND version = %s",
            (plant.project, version),
        )


async def filled(plant: Plant) -> tuple[Metered, Metered, int]:
    """Two meters of a day and a half, one kWh each five minutes, and a node of both."""
    one, two = await plant.meter(), await plant.meter()
    node = await plant.node({one: 1, two: -1})
    for meter in (one, two):
        await plant.store(meter, every(START, 5 * MIN, [100.0 + i for i in range(433)]))
    await plant.settle()
    return one, two, node


async def test_every_version_reads_as_it_was(plant: Plant) -> None:
    random = Random(7)
    await plant.factor("kgce", "0.1229", START - DAY)
    one, two, _ = await filled(plant)
    known = [await current(plant)]

    async def gap() -> None:
        meter = random.choice((one, two))
        first = START + random.randrange(420) * 5 * MIN
        await plant.delete(meter, first, first + random.randrange(300) * MIN)

    async def beginning() -> None:
        await plant.delete(one, START, START + random.randrange(400) * MIN)

    async def earlier() -> None:
        first = START - random.randrange(1, 40) * 60 * MIN
        await plant.store(random.choice((one, two)), [(first, random.randrange(100) / 10)])

    async def factor() -> None:
        valid = START + random.randrange(100) * 15 * MIN
        await plant.factor("kgce", f"0.{random.randrange(1, 999):03}", valid)
        for meter in (one, two):
            await plant.touch(meter, valid, START + 2 * DAY)

    changes = (gap, beginning, earlier, factor)
    for version in range(1, 15):
        await restate(plant, version, random.choice(changes))
        known.append(await current(plant))
        assert known[-1] != known[-2]
    for version, rows in enumerate(known):
        assert await as_of(plant, version) == rows, version
    async with plant.database.read(plant.project) as tx:
        kept = await tx.fetch_value(
            "SELECT count(*) FROM account_history WHERE project_id = %s", (plant.project,), into=int
        )
    moved = sum(len({row[:5] for row in old ^ new}) for old, new in itertools.pairwise(known))
    assert kept == moved, "each row that a version changed is kept once, and no other"


async def test_a_version_is_seen_whole_or_not_at_all(plant: Plant) -> None:
    """Readers see the version before as long as the next is being applied; live values go on."""
    one, two, node = await filled(plant)
    before = await current(plant)

    async def look() -> tuple[object, ...]:
        electricity = energy_type("electricity")
        async with plant.database.read(plant.project) as tx:
            span = Span(Scope.METER, one.id, electricity, Measure.QUANTITY, Period.DAY, START, NOW)
            day = await curve(tx, plant.project, span, NOW)
            found = await sums(
                tx, plant.project, Scope.METER, [one.id], Period.DAY, START, START + DAY
            )
            ranks = await ranking(tx, plant.project, node, [node], Period.DAY, START, "electricity")
        assert ranks is not None
        return day.values, [row.qty for row in found], ranks.whole

    seen: list[object] = []

    async def change() -> None:
        await plant.delete(one, START, START + 120 * MIN)
        await plant.settle()
        await plant.store(two, [(START + 37 * 60 * MIN, 545.0)])
        await plant.settle()
        seen.append(await look())

    assert await look() == ("[288,144]", [288 * KWH], 0)
    await restate(plant, 1, change)
    assert seen == [("[288,144]", [288 * KWH], 0)]
    after = ("[263,144]", [263 * KWH], -25 * KWH)
    assert await look() == after
    live = {row for row in await current(plant) if row[1:3] == (two.id, "electricity")}
    assert live - before, "what came meanwhile is accounted"
