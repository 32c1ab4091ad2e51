"""Events are numbered in the order they become visible; listeners miss none and hear none twice."""

import asyncio
from contextlib import aclosing

import psycopg
import pytest

from backend.core.db import Database
from backend.core.events import Event, listen, publish
from tests.postgres import NOW, Actor

Heard = asyncio.Queue[Event]


async def collect(database: Database, heard: Heard, ready: asyncio.Event) -> None:
    async with aclosing(listen(database, ready=ready)) as events:
        async for event in events:
            heard.put_nowait(event)


async def next_of(heard: Heard, count: int) -> list[tuple[int, int, str]]:
    events = [await heard.get() for _ in range(count)]
    return [(event.project_id, event.number, event.ref) for event in events]


@pytest.mark.both_postgres
async def test_two_interleaved_writers_lose_nothing(database: Database, alice: Actor) -> None:
    """The first writer takes its number first and commits last."""
    project = alice.tenant.id
    heard = Heard()
    ready, took_number, second_asked = asyncio.Event(), asyncio.Event(), asyncio.Event()
    listener = asyncio.create_task(collect(database, heard, ready))
    await ready.wait()

    async def first() -> int:
        async with database.project(project) as tx:
            number = await publish(tx, project, "alarm", "first", NOW)
            took_number.set()
            await second_asked.wait()
            await asyncio.sleep(0.2)
            assert heard.empty()
            return number

    async def second() -> int:
        await took_number.wait()
        async with database.project(project) as tx:
            second_asked.set()
            return await publish(tx, project, "alarm", "second", NOW)

    numbers = await asyncio.gather(first(), second())
    assert list(numbers) == [1, 2]
    assert await next_of(heard, 2) == [(project, 1, "first"), (project, 2, "second")]
    listener.cancel()


async def test_an_event_that_is_rolled_back_leaves_no_hole(
    database: Database, alice: Actor
) -> None:
    project = alice.tenant.id

    async def fail() -> None:
        async with database.project(project) as tx:
            assert await publish(tx, project, "alarm", "lost", NOW) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.project(project) as tx:
        assert await publish(tx, project, "alarm", "kept", NOW) == 1


async def test_a_lost_connection_delays_news_and_loses_none(
    database: Database, alice: Actor, charlie: Actor, admin: psycopg.Connection
) -> None:
    heard = Heard()
    ready = asyncio.Event()
    async with database.project(alice.tenant.id) as tx:
        await publish(tx, alice.tenant.id, "alarm", "before anybody listens", NOW)
    listener = asyncio.create_task(collect(database, heard, ready))
    await ready.wait()
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    for actor in (alice, charlie, alice):
        async with database.project(actor.tenant.id) as tx:
            await publish(tx, actor.tenant.id, "model", actor.login, NOW)
    told = await next_of(heard, 3)
    assert sorted(told) == [
        (alice.tenant.id, 2, "alice"),
        (alice.tenant.id, 3, "alice"),
        (charlie.tenant.id, 1, "charlie"),
    ]
    listener.cancel()
