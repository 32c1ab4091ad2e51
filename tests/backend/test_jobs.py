"""The job queue as kw_app: a periodic job runs once and does its work."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest
from procrastinate.exceptions import AlreadyEnqueued

from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.service.jobs import queue, run
from backend.service.notify.vapid import vapid_keys
from backend.service.projects.known import known_projects


async def test_partitions_are_kept_ahead(
    platform: Platform, clock: ManualClock, admin: psycopg.Connection
) -> None:
    """Half a year later the months around that moment exist."""
    await clock.advance(timedelta(days=300).total_seconds())
    app = queue(platform)
    async with app.open_async():
        await app.configure_task("keep_partitions").defer_async(timestamp=0)
        await app.run_worker_async(wait=False, install_signal_handlers=False)
    rows = admin.execute(
        "SELECT relname FROM pg_class WHERE relname LIKE 'reading_2027%' AND relkind = 'r'"
    ).fetchall()
    assert {row[0] for row in rows} == {"reading_2027_01", "reading_2027_02", "reading_2027_03"}


async def test_vapid_keys_are_made_once(platform: Platform, clock: ManualClock) -> None:
    """Several processes at the first start end with one pair."""
    pairs = await asyncio.gather(*(vapid_keys(platform.database, clock.now()) for _ in range(4)))
    assert len({pair.application_server_key for pair in pairs}) == 1
    assert pairs[0].private_pem.startswith(b"-----BEGIN PRIVATE KEY-----")


@pytest.mark.both_postgres
async def test_the_worker_ends_when_cancelled(platform: Platform) -> None:
    """The role runs on the real queue and stops cleanly."""
    running = asyncio.create_task(run(platform))
    done, _ = await asyncio.wait({running}, timeout=2)
    assert not done
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_jobs_go_on_after_the_database_ended_its_connections(
    platform: Platform, clock: ManualClock, admin: psycopg.Connection
) -> None:
    """procrastinate's worker returns when its listener fails; the role starts another."""
    running = asyncio.create_task(run(platform))
    listening = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN \"procrastinate%%' "
    mine = listening + "AND datname = current_database()"
    async with asyncio.timeout(20):
        while not admin.execute(mine).fetchall():  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await clock.advance(timedelta(days=300).total_seconds())
        app = queue(platform)
        async with app.open_async():
            # The role may have queued it itself meanwhile.
            with suppress(AlreadyEnqueued):
                await app.configure_task("keep_partitions").defer_async(timestamp=0)
        wanted = "SELECT 1 FROM pg_class WHERE relname = 'reading_2027_03'"
        while not admin.execute(wanted).fetchall():  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_roles_outlive_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """Who looks after all projects sees none meanwhile, instead of ending with its process."""
    away = Database(lambda role: f"postgresql://{role}@127.0.0.1:1/kilowise", timeout_s=0.2)
    async with away:
        assert await known_projects(away) == []
    assert "the database is away" in caplog.text
