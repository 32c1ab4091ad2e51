"""The aggregate role: woken by ingest, tells what changed, several at once, one fault at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from backend.aggregation import worker
from backend.core.db import Database
from backend.core.events import Event, listen
from backend.core.platform import Platform
from tests.backend.plant_accounts import Metered, Plant, every
from tests.postgres import MakeProject

MIN = timedelta(minutes=1)
START = datetime(2026, 3, 14, 16, tzinfo=UTC)
KWH = 10**6


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai; START is its midnight."""
    return Plant(database, await make_project("works"))


@asynccontextmanager
async def running(platform: Platform, count: int = 1) -> AsyncIterator[None]:
    """So many workers at once."""
    tasks = [asyncio.create_task(worker.run(platform)) for _ in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(reached: Callable[[], bool]) -> None:
    """Wait for it; the test's time-out ends what never comes."""
    while not reached():  # noqa: ASYNC110 - what is awaited happens elsewhere
        await asyncio.sleep(0.02)


async def day_is(plant: Plant, scope: int, scope_id: int, qty: int) -> None:
    """Wait until the day's account is exactly this."""
    while [r[1] for r in await plant.accounts(scope, scope_id, 3)] != [qty]:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_what_was_never_read_is_passed_in_ever_longer_bites(plant: Plant) -> None:
    meter = await plant.meter()
    for row in every(START, 15 * MIN, [1.0, 2.0, 4.0]):
        await plant.store(meter, [row])
    day, slow = timedelta(days=1), 10 * worker.BITE_S
    filled = await plant.work(day)
    assert (filled.rows, filled.stretches, filled.buckets) == (3, 1, 2)
    assert worker.next_span(day, filled, slow) == day / 2
    await plant.touch(meter, START - 300 * day, START - 100 * day)
    empty = await plant.work(day)
    assert (empty.stretches, empty.buckets, empty.more) == (1, 0, True)
    assert worker.next_span(day, empty, slow) == 2 * day
    assert worker.next_span(worker.LONGEST, empty, slow) == worker.LONGEST


async def test_a_late_sample_reaches_the_tree_and_is_told(platform: Platform, plant: Plant) -> None:
    meter = await plant.meter()
    node = await plant.node({meter: 1})
    heard: list[Event] = []
    ready = asyncio.Event()

    async def hear() -> None:
        async for event in listen(plant.database, ready=ready):
            heard.append(event)  # noqa: PERF401 - read while it grows

    listening = asyncio.create_task(hear())
    await ready.wait()
    async with running(platform):
        await plant.store(meter, every(START, 15 * MIN, [1.0, 2.0, 4.0]))
        await day_is(plant, 2, node, 3 * KWH)
        await until(lambda: len(heard) == 1)
        # A late sample between two known ones moves energy inside the day only; then a newer one.
        await plant.store(meter, [(START + 10 * MIN, 1.9)])
        await plant.store(meter, [(START + 45 * MIN, 4.5)])
        await day_is(plant, 2, node, 3_500_000)
        await until(lambda: len(heard) == 2)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening
    assert {(e.project_id, e.kind, e.ref) for e in heard} == {(plant.project, "account", "")}


async def test_three_workers_account_two_projects_once(
    platform: Platform, database: Database, make_project: MakeProject, plant: Plant
) -> None:
    other = Plant(database, await make_project("other"))
    made: list[tuple[Plant, Metered, int]] = []
    for one in (plant, other):
        for _ in range(3):
            meter = await one.meter(resolution=1.0)
            made.append((one, meter, await one.node({meter: 3})))
    async with running(platform, count=3):
        for i in range(20):
            for one, meter, _ in made:
                await one.store(meter, [(START + i * 10 * MIN, float(i * i))])
        for one, meter, node in made:
            await day_is(one, 1, meter.id, 361 * KWH)
            await day_is(one, 2, node, 3 * 361 * KWH)


async def test_a_fault_of_one_project_does_not_stop_the_others(
    platform: Platform,
    database: Database,
    make_project: MakeProject,
    plant: Plant,
    admin: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Plant(database, await make_project("broken"))
    bad, good = await broken.meter(), await plant.meter()
    admin.execute("UPDATE project SET day_start_minute = 7 WHERE id = %s", (broken.project,))
    async with running(platform):
        await broken.store(bad, every(START, 15 * MIN, [1.0, 2.0]))
        await plant.store(good, every(START, 15 * MIN, [1.0, 2.0]))
        await day_is(plant, 1, good.id, KWH)
        await until(lambda: f"Accounting project {broken.project} failed" in caplog.text)
    assert await broken.accounts(1, bad.id, 1) == []
    assert "a day begins at a quarter hour, not at minute 7" in caplog.text
    # Nothing is lost: put right, it is accounted.
    admin.execute("UPDATE project SET day_start_minute = 0 WHERE id = %s", (broken.project,))
    assert await broken.settle() == 1
    assert [row[1] for row in await broken.accounts(1, bad.id, 3)] == [KWH]


async def test_a_dead_connection_delays_and_loses_nothing(
    platform: Platform, plant: Plant, admin: psycopg.Connection
) -> None:
    meter = await plant.meter()
    async with running(platform):
        await plant.store(meter, every(START, 15 * MIN, [1.0, 2.0]))
        await day_is(plant, 1, meter.id, KWH)
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await plant.store(meter, [(START + 30 * MIN, 9.0)])
        await day_is(plant, 1, meter.id, 8 * KWH)
