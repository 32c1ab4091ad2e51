"""Random lives through a real PostgreSQL and two workers: every account as the definition says."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from random import Random

import pytest

from backend.aggregation.events import ALWAYS, Exchange, Ratio, Sample
from backend.aggregation.metering import instant
from backend.aggregation.register_events import (
    Kind,
    Recorded,
    RegisterEvent,
    record_event,
    revoke_event,
)
from backend.core.db import Database
from tests.accounts.brute_force import defined
from tests.accounts.definition import Account
from tests.accounts.lives import Life, draw, local_days
from tests.accounts.shelf import Arrival, Changed, Excluded, Fact, Planned, Revoked
from tests.backend.plant_accounts import DAY, Metered, Plant
from tests.postgres import MakeProject

LATER = datetime(2027, 1, 1, tzinfo=UTC)
QUARTER = 15 * 60_000_000
MARCH = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("America/New_York", date(2026, 3, 8)),
    ("Asia/Kathmandu", date(2026, 2, 28)),
]
"""A day of 23 hours in the evening, one in the morning, and a month's end at 18:15 UTC."""


def about(random: Random, zone: tuple[str, date]) -> Life:
    """A life of whole kWh without planned stops."""
    life = draw(random, 60, [zone])
    spec = replace(life.spec, smallest=Fraction(10**6))
    facts = [one for one in life.facts if not isinstance(one, Planned)]
    arrivals = [one for one in life.arrivals if not is_plan(one)]
    return replace(life, spec=spec, facts=facts, arrivals=arrivals)


def is_plan(one: Arrival) -> bool:
    """Tell a planned stop and its revocation."""
    return isinstance(one.fact if isinstance(one, Revoked) else one, Planned)


def event_of(point: int, fact: Fact) -> RegisterEvent:
    """What a person records."""
    if isinstance(fact, Exchange):
        at, final, initial = instant(fact.ts), float(fact.final), float(fact.initial)
        return RegisterEvent(point, Kind.EXCHANGE, at, final=final, initial=initial)
    if isinstance(fact, Ratio):
        until = None if fact.until == ALWAYS else instant(fact.until)
        return RegisterEvent(point, Kind.RATIO, instant(fact.ts), until, factor=fact.factor)
    if isinstance(fact, Changed):
        return RegisterEvent(point, Kind.CHANGED, instant(fact.ts))
    assert isinstance(fact, Excluded)
    return RegisterEvent(point, Kind.EXCLUDE, instant(fact.span.start), instant(fact.span.end))


async def meter_of(plant: Plant, life: Life) -> Metered:
    """A meter on a register like the life's."""
    spec = life.spec
    return await plant.meter(
        resolution=1.0,
        modulus=None if spec.modulus is None else float(spec.modulus),
        nameplate=None if spec.per_hour is None else int(spec.per_hour),
        max_gap_s=spec.max_gap // 1_000_000,
    )


async def arrive(random: Random, plant: Plant, meter: Metered, arrivals: Sequence[Arrival]) -> None:
    """Everything as it comes: readings in batches, each fact in a transaction of its own."""
    recorded: dict[Fact, Recorded] = {}
    batch: list[Sample] = []
    for one in arrivals:
        if not isinstance(one, Fact | Revoked):
            batch.append(one)
        if isinstance(one, Fact | Revoked) or len(batch) > random.choice([1, 9, 30]):
            await store(plant, meter, batch)
            batch = []
        async with plant.database.project(plant.project) as tx:
            if isinstance(one, Revoked):
                await revoke_event(tx, plant.project, recorded.pop(one.fact).uid, LATER)
            elif isinstance(one, Fact):
                event = event_of(meter.point, one)
                recorded[one] = await record_event(tx, plant.project, event, LATER)
    await store(plant, meter, batch)


async def store(plant: Plant, meter: Metered, batch: Sequence[Sample]) -> None:
    """Readings as ingest stores them, the first of an instant for good."""
    for quality, samples in groupby(batch, key=itemgetter(2)):
        rows = [(instant(ts), float(raw)) for ts, raw, _ in samples]
        await plant.store(meter, rows, quality)


@pytest.mark.both_postgres
@pytest.mark.parametrize("zone", MARCH, ids=lambda zone: zone[0].rpartition("/")[2])
async def test_every_account_is_as_the_definition_says(
    database: Database, make_project: MakeProject, zone: tuple[str, date]
) -> None:
    random = Random(zone[0])
    plant = Plant(database, await make_project("works", zone=zone[0]))
    lives = [about(random, zone) for _ in range(2)]
    meters = [await meter_of(plant, life) for life in lives]
    arrived = asyncio.Event()

    async def work(spans: list[timedelta]) -> None:
        while not arrived.is_set():
            await plant.work(random.choice(spans))

    async def send() -> None:
        for life, meter in zip(lives, meters, strict=True):
            await arrive(random, plant, meter, life.arrivals)
        arrived.set()

    hour = timedelta(hours=1)
    await asyncio.gather(send(), work([hour, DAY]), work([6 * hour, 31 * DAY]))
    await plant.settle(2 * DAY)
    for life, meter in zip(lives, meters, strict=True):
        await compare(plant, meter, life, defined(life))


async def compare(plant: Plant, meter: Metered, life: Life, account: Account) -> None:
    """Quarter hours with estimate and quality, local days, and the year."""
    low = (account.begin or 0) // QUARTER * QUARTER
    high = account.last.ts if account.last else low
    quarters = [
        (
            instant(start),
            account.energy(start, start + QUARTER),
            account.estimated(start, start + QUARTER),
            account.quality(start, start + QUARTER),
        )
        for start in range(low, high, QUARTER)
        if account.exists(start, start + QUARTER)
    ]
    assert await plant.accounts(1, meter.id, 1) == quarters
    days = {instant(start): account.energy(start, end) for start, end in local_days(life)}
    found = {row[0]: row[1] for row in await plant.accounts(1, meter.id, 3)}
    assert {start: days.get(start) for start in found} == found
    assert sum(days.values()) == sum(row[1] for row in await plant.accounts(1, meter.id, 5))
