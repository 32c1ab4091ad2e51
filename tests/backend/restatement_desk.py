"""A plant in which two people restate: proposing, deciding, stepping as the worker does."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from backend.core.db import Database
from backend.core.ids import encode_id
from backend.service.people.asker import Asker
from backend.service.restatement.decide import approve, propose, reject
from backend.service.restatement.rows import Row, State, find_restatement, progress
from backend.service.restatement.work import Step, step
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.backend.plant_versions import as_of, current
from tests.postgres import NOW, Actor, MakePerson, MakeProject

MIN = timedelta(minutes=1)
START = datetime(2026, 2, 26, 16, tzinfo=UTC)
"""Midnight of 27 February in Shanghai: the change reaches over a month's end."""
KWH = 10**6


def asker(person: Actor) -> Asker:
    return Asker(person.id, person.uid)


class Desk:
    """A plant with two meters and their node, and two people who restate it."""

    def __init__(self, plant: Plant, alice: Actor, bob: Actor) -> None:
        self.plant, self.alice, self.bob = plant, alice, bob
        self.meters: list[Metered] = []
        self.node = 0

    async def fill(self) -> None:
        await self.plant.factor("kgce", "0.1229", START - DAY)
        self.meters = [await self.plant.meter(), await self.plant.meter()]
        self.node = await self.plant.node(dict.fromkeys(self.meters, 1))
        for meter in self.meters:
            rows = every(START, 15 * MIN, [100.0 + i for i in range(4 * 24 * 4)])
            await self.plant.store(meter, rows)
        await self.plant.settle()

    async def propose(
        self, kind: str, params: Mapping[str, object], by: Actor | None = None
    ) -> Row:
        async with self.plant.database.project(self.plant.project) as tx:
            return await propose(
                tx, self.plant.project, kind, params, "it was wrong", asker(by or self.alice), NOW
            )

    async def approve(self, row: Row, by: Actor | None = None) -> Row:
        async with self.plant.database.project(self.plant.project) as tx:
            return await approve(tx, self.plant.project, row.uid, asker(by or self.bob), NOW)

    async def reject(self, row: Row, answer: str) -> Row:
        async with self.plant.database.project(self.plant.project) as tx:
            return await reject(tx, self.plant.project, row.uid, answer, asker(self.bob), NOW)

    async def meter_id(self, meter: Metered) -> str:
        """A meter's outside identity."""
        async with self.plant.database.read(self.plant.project) as tx:
            rows = await tx.fetch_tuples(
                "SELECT uid FROM meter WHERE project_id = %s AND id = %s",
                (self.plant.project, meter.id),
            )
        return encode_id("mtr", rows[0][0])

    async def node_id(self) -> str:
        """The node's outside identity."""
        async with self.plant.database.read(self.plant.project) as tx:
            rows = await tx.fetch_tuples(
                "SELECT uid FROM node WHERE project_id = %s AND id = %s",
                (self.plant.project, self.node),
            )
        return encode_id("node", rows[0][0])

    async def row(self, row: Row) -> Row:
        async with self.plant.database.read(self.plant.project) as tx:
            return await find_restatement(tx, self.plant.project, row.uid)

    async def progress(self, row: Row) -> float:
        async with self.plant.database.read(self.plant.project) as tx:
            return await progress(tx, self.plant.project, row)

    async def step(self) -> Step:
        return await step(self.plant.database, self.plant.project, NOW)

    async def measured(self, row: Row) -> Row:
        assert await self.step() is Step.DONE
        return await self.row(row)

    async def applied(self, row: Row) -> Row:
        await self.approve(row)
        assert await self.step() is Step.DONE
        await self.plant.settle(span=DAY)
        assert await self.step() is Step.DONE
        return await self.row(row)


async def make_desk(database: Database, make_project: MakeProject, make_person: MakePerson) -> Desk:
    """A plant in Shanghai, and Alice and Bob, managers of it."""
    tenant = await make_project("works")
    people = [await make_person(name, tenant, role="manager") for name in ("alice", "bob")]
    made = Desk(Plant(database, tenant), *people)
    await made.fill()
    return made


async def restated(desk: Desk, kind: str, params: Mapping[str, object]) -> Row:
    """Propose, measure and apply; the dry run said exactly what came of it."""
    row = await desk.measured(await desk.propose(kind, params))
    assert row.state is State.PROPOSED, row.fault
    before = await current(desk.plant)
    applied = await desk.applied(row)
    assert applied.state is State.APPLIED
    assert applied.version is not None
    assert await as_of(desk.plant, applied.version - 1) == before
    after = {(one[0], one[1], one[4]): one for one in await current(desk.plant) if one[3] == 4}
    assert row.difference
    for one in row.difference:
        key = (one["scope"], one["id"], datetime.fromisoformat(str(one["start"])))
        new = one["new"]
        assert isinstance(new, dict)
        month = after.pop(key)
        told = [
            None if new[name] is None else Decimal(str(new[name]))
            for name in ("qty", "kgce", "kgco2", "cost")
        ]
        assert told == [month[6], *month[9:12]]
    untouched = {(one[0], one[1], one[4]): one for one in before if one[3] == 4}
    assert all(untouched[key] == one for key, one in after.items())
    return applied
