"""Versions of accounts: whatever restatements do, every earlier version reads as it was then."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation.accounts import mark_dirty
from backend.aggregation.calendar import Period
from backend.aggregation.figures import ranking, sums
from backend.aggregation.measures import Measure
from backend.aggregation.register_events import Kind, RegisterEvent, record_event
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Span, curve
from backend.aggregation.stale import mark_again
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.service.people.asker import Asker
from backend.service.stock.documents import record_document
from gateway.contract.energy import energy_type
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.backend.plant_versions import as_of, current
from tests.backend.stocks import document, make_stock
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


async def exclude(plant: Plant, meter: Metered, first: datetime, last: datetime) -> None:
    """Leave readings out, as people do it."""
    event = RegisterEvent(meter.point, Kind.EXCLUDE, first, until=last)
    async with plant.database.project(plant.project) as tx:
        await record_event(tx, plant.project, event, NOW)


@dataclass(slots=True)
class Changes:
    """What people do to a plant afterwards, at random."""

    plant: Plant
    random: Random
    meters: tuple[Metered, Metered]
    node: int

    def any(self) -> Callable[[], Awaitable[None]]:
        """One of them."""
        return self.random.choice(
            (self.gap, self.beginning, self.late, self.factor, self.share, self.expression)
        )

    async def gap(self) -> None:
        first = START + self.random.randrange(420) * 5 * MIN
        last = first + self.random.randrange(1, 300) * MIN
        await exclude(self.plant, self.random.choice(self.meters), first, last)

    async def beginning(self) -> None:
        last = START + self.random.randrange(1, 400) * MIN
        await exclude(self.plant, self.meters[0], START, last)

    async def late(self) -> None:
        first = START - self.random.randrange(1, 40) * 60 * MIN
        row = (first, self.random.randrange(100) / 10)
        await self.plant.store(self.random.choice(self.meters), [row])

    async def factor(self) -> None:
        valid = START + self.random.randrange(100) * 15 * MIN
        await self.plant.factor("kgce", f"0.{self.random.randrange(1, 999):03}", valid)
        async with self.plant.database.project(self.plant.project) as tx:
            await mark_dirty(tx, self.plant.project, "electricity", valid, NOW)

    async def share(self) -> None:
        async with self.plant.database.project(self.plant.project) as tx:
            await tx.execute(
                "UPDATE node_meter SET coefficient = %s WHERE project_id = %s AND node_id = %s",
                (Decimal(self.random.randrange(100)) / 7, self.plant.project, self.node),
            )
            await mark_again(tx, self.plant.project, Scope.NODE, [self.node], None, NOW)

    async def expression(self) -> None:
        await self.plant.virtual("rest", f"m1 * {self.random.randrange(1, 99)} - m2")


@pytest.mark.long
async def test_every_version_reads_as_it_was(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of shifts and virtual meters, whether many accounts are kept at once or few."""
    monkeypatch.setattr("backend.aggregation.keeper.BULK", 20)
    await plant.factor("kgce", "0.1229", START - DAY)
    one, two, node = await filled(plant)
    virtual = await plant.virtual("rest", "m1 - m2 * 0.5")
    above = await plant.node({virtual: 1, one: Decimal("0.3")})
    await plant.shifts(node, [START + n * 480 * MIN for n in range(-9, 9)])
    async with plant.database.project(plant.project) as tx:
        await mark_again(tx, plant.project, Scope.NODE, [node, above], None, NOW)
    await plant.settle()
    known = [await current(plant)]

    changes = Changes(plant, Random(7), (one, two), above)
    for version in range(1, 13):
        await restate(plant, version, changes.any())
        known.append(await current(plant))
        assert known[-1] != known[-2]
    for version, rows in enumerate(known):
        assert await as_of(plant, version) == rows, version
    async with plant.database.read(plant.project) as reading:
        kept = await reading.fetch_value(
            "SELECT count(*) FROM account_history WHERE project_id = %s", (plant.project,), into=int
        )
    moved = sum(len({row[:5] for row in old ^ new}) for old, new in itertools.pairwise(known))
    assert kept == moved, "each row that a version changed is kept once, and no other"


async def test_what_is_new_in_a_version_or_comes_back_in_it_is_not_taken_for_replaced(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quarter hours that there were none of beside others, and figures that are the old ones."""
    monkeypatch.setattr("backend.aggregation.keeper.BULK", 1)
    await plant.factor("kgce", "0.1229", START - DAY)
    one, _, _ = await filled(plant)
    before = await current(plant)

    async def factor(value: str) -> None:
        async with plant.database.project(plant.project) as tx:
            await tx.execute("DELETE FROM factor WHERE project_id = %s", (plant.project,))
        await plant.factor("kgce", value, START - DAY)
        async with plant.database.project(plant.project) as tx:
            await mark_dirty(tx, plant.project, "electricity", START - DAY, NOW)
        await plant.settle()

    async def there_and_back() -> None:
        await factor("0.2")
        assert await as_of(plant, 0) == before
        await factor("0.1229")

    async def longer() -> None:
        await plant.store(one, [(START - 2 * 60 * MIN, 99.0)])
        await factor("0.3")

    await restate(plant, 1, there_and_back)
    async with plant.database.read(plant.project) as tx:
        assert await tx.fetch_tuples("SELECT * FROM account_history") == []
    await restate(plant, 2, longer)
    assert await as_of(plant, 1) == before


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
        await exclude(plant, one, START, START + 121 * MIN)
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


async def test_a_stock_that_is_settled_meanwhile_reads_as_it_was(plant: Plant) -> None:
    """Papers that come while a version is being applied are kept like late readings."""
    yard = await make_stock(plant.database, plant.project, "yard", "coal")
    await plant.node({Metered(yard.id, 0): 1})
    asker = Asker(1, new_uuid(NOW))

    async def count(at: str, tonnes: str) -> None:
        async with plant.database.project(plant.project) as tx:
            paper = document("count", at, tonnes)
            await record_document(tx, plant.project, yard, paper, asker, NOW)

    async def change() -> None:
        await count("2026-03-11T00:00", "70")
        assert await as_of(plant, 0) == before

    await count("2026-03-10T00:00", "100")
    await count("2026-03-12T00:00", "60")
    before = await current(plant)
    await restate(plant, 1, change)
    assert await as_of(plant, 0) == before
    after = await current(plant)
    assert await as_of(plant, 1) == after
    assert after - before
