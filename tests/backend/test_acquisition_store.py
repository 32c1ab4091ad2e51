"""The store: exactly once, in one transaction with what follows, and no row poisons another."""

import asyncio
import re
from typing import Any

import psycopg
import pytest

from backend.acquisition.batch import Batch, Missing, Row, Unfit, dirty_ranges, newest
from backend.acquisition.store import store
from backend.acquisition.window import Window, read_window
from backend.core.db import Database
from backend.core.platform import Platform
from gateway.contract.quality import Quality
from tests.postgres import NOW, MakeProject, Server, Tenant

MS = int(NOW.timestamp() * 1000)
REGISTER, GAUGE, OTHER = 11, 12, 13


@pytest.fixture
async def tenant(make_project: MakeProject) -> Tenant:
    """A project; its points need no rows, readings have no foreign keys."""
    return await make_project("a")


def batch(project: int, *rows: tuple[int, int, float]) -> Batch:
    """Rows of (point, milliseconds after NOW, value) of gateways 1 (points < 13) and 2."""
    made = [Row(project, point, MS + after, value, Quality.GOOD) for point, after, value in rows]
    gateways = {(project, REGISTER): 1, (project, GAUGE): 1, (project, OTHER): 2}
    return Batch(made, {(project, REGISTER), (project, OTHER)}, gateways)


def table(admin: psycopg.Connection, columns: str, name: str) -> list[tuple[Any, ...]]:
    """Rows of a table behind the wall in order, columns that end in `ts` as ms after NOW."""
    shown = re.sub(r"(\w*ts)\b", r"(extract(epoch FROM \1) * 1000)::bigint - %(now)s", columns)
    sql = f"SELECT {shown} FROM {name} ORDER BY 1, 2, 3"
    return admin.execute(sql.encode(), {"now": MS}).fetchall()


@pytest.mark.both_postgres
async def test_a_batch_and_what_follows_from_it(
    platform: Platform, tenant: Tenant, admin: psycopg.Connection
) -> None:
    rows = [(REGISTER, 0, 1.5), (REGISTER, 900_000, 2.5), (GAUGE, 7, -3.25), (REGISTER, -60_000, 1)]
    stored = await store(platform.database, batch(tenant.id, *rows), platform.clock)
    assert (len(stored.rows), stored.quarantined) == (4, 0)
    assert table(admin, "point_id, ts, value, quality, project_id", "reading") == [
        (REGISTER, -60_000, 1.0, 0, tenant.id),
        (REGISTER, 0, 1.5, 0, tenant.id),
        (REGISTER, 900_000, 2.5, 0, tenant.id),
        (GAUGE, 7, -3.25, 0, tenant.id),
    ]
    assert table(admin, "point_id, ts, value, quality", "last_value") == [
        (REGISTER, 900_000, 2.5, 0),
        (GAUGE, 7, -3.25, 0),
    ]
    assert table(admin, "point_id, first_ts, last_ts", "dirty") == [(REGISTER, -60_000, 900_000)]


@pytest.mark.both_postgres
async def test_what_is_there_already_stays_and_the_rest_is_stored(
    platform: Platform, tenant: Tenant, admin: psycopg.Connection
) -> None:
    database, clock = platform.database, platform.clock
    await store(database, batch(tenant.id, (REGISTER, 0, 1.0), (GAUGE, 500, 1.0)), clock)
    again = batch(
        tenant.id, (REGISTER, 0, 99.0), (REGISTER, 1, 2.0), (REGISTER, 1, 3.0), (GAUGE, 499, 5.0)
    )
    stored = await store(database, again, clock)
    assert sorted(stored.rows) == [
        (tenant.id, REGISTER, MS + 1, 2.0, 0),
        (tenant.id, GAUGE, MS + 499, 5.0, 0),
    ]
    assert table(admin, "point_id, ts, value", "reading") == [
        (REGISTER, 0, 1.0),
        (REGISTER, 1, 2.0),
        (GAUGE, 499, 5.0),
        (GAUGE, 500, 1.0),
    ]
    # An older sample does not become the last value; only what is new dirties accounts.
    assert table(admin, "point_id, ts, value", "last_value") == [
        (REGISTER, 1, 2.0),
        (GAUGE, 500, 1.0),
    ]
    assert table(admin, "point_id, first_ts, last_ts", "dirty") == [
        (REGISTER, 0, 0),
        (REGISTER, 1, 1),
    ]


async def test_a_poisoned_row_is_set_aside_and_the_others_are_stored(
    platform: Platform, tenant: Tenant, admin: psycopg.Connection
) -> None:
    # No partition holds this row, as when one was dropped after the window was read.
    rows = [(point, after, 1.0) for after in range(40) for point in (REGISTER, GAUGE, OTHER)]
    rows.insert(50, (GAUGE, -40_000_000_000, 66.0))
    poisoned = batch(tenant.id, *rows)
    poisoned.missing.append(Missing(tenant.id, OTHER, MS + 1000))
    poisoned.unfit.append(Unfit(Row(tenant.id, GAUGE, MS, 5.0, 0), 1, "too_old"))
    stored = await store(platform.database, poisoned, platform.clock)
    assert (len(stored.rows), stored.quarantined) == (120, 2)
    assert admin.execute("SELECT count(*), sum(value) FROM reading").fetchone() == (120, 120.0)
    assert table(admin, "value, ts, reason, gateway_id, point_id", "reading_quarantine") == [
        (5.0, 0, "too_old", 1, GAUGE),
        (66.0, -40_000_000_000, "sqlstate 23514", 1, GAUGE),
    ]
    ranges = table(admin, "point_id, first_ts, last_ts", "dirty")
    for point in (REGISTER, OTHER):
        covered = {ms for p, low, high in ranges if p == point for ms in range(low, high + 1)}
        assert covered == set(range(40))


async def test_a_batch_waits_for_the_database(
    platform: Platform,
    tenant: Tenant,
    admin: psycopg.Connection,
    database_name: str,
    postgres_server: Server,
) -> None:
    await store(platform.database, batch(tenant.id, (GAUGE, 0, 1.0)), platform.clock)
    elsewhere = psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True)
    with elsewhere:
        elsewhere.execute(f"ALTER DATABASE {database_name} ALLOW_CONNECTIONS false".encode())
        elsewhere.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = 'kw_ingest'",
            (database_name,),
        )
        waiting = asyncio.create_task(
            store(platform.database, batch(tenant.id, (GAUGE, 1, 2.0)), platform.clock)
        )
        await asyncio.sleep(0.5)
        assert not waiting.done()
        elsewhere.execute(f"ALTER DATABASE {database_name} ALLOW_CONNECTIONS true".encode())
        assert len((await waiting).rows) == 1
    assert table(admin, "point_id, ts, value", "reading") == [(GAUGE, 0, 1.0), (GAUGE, 1, 2.0)]


async def test_workers_hear_of_dirty_registers_after_the_commit(
    platform: Platform, tenant: Tenant, admin: psycopg.Connection
) -> None:
    admin.execute("LISTEN kw_dirty")
    await store(platform.database, batch(tenant.id, (GAUGE, 0, 1.0)), platform.clock)
    await store(platform.database, batch(tenant.id, (REGISTER, 0, 1.0)), platform.clock)
    told = [notify.payload for notify in admin.notifies(timeout=10, stop_after=1)]
    assert told == [str(tenant.id)]


@pytest.mark.both_postgres
async def test_the_window_has_hot_days_and_late_ones(
    database: Database, admin: psycopg.Connection
) -> None:
    day = 86_400_000
    async with database.ingest() as tx:
        window = await read_window(tx, NOW)
    midnight = MS - MS % day
    assert window == Window(MS - 400 * day, midnight - 35 * day, MS + 300_000)
    times = (MS - 400 * day - 1, MS - 400 * day, MS + 300_000, MS + 300_001)
    assert [window.refusal(t) for t in times] == ["too_old", None, None, "in_the_future"]
    assert [window.is_late(midnight - 35 * day - n) for n in (1, 0)] == [True, False]
    # Days whose partition is gone are late, whatever their age.
    admin.execute("DROP TABLE reading_2026_01, reading_2026_02")
    async with database.ingest() as tx:
        march = await read_window(tx, NOW)
    assert march.hot_ms == midnight - 14 * day


def test_newest_and_dirty_ranges() -> None:
    rows = [Row(1, 9, 3, 2.0, 0), Row(2, 1, 1, 4.0, 0), Row(2, 1, 5, 1.0, 0), Row(2, 1, 9, 3.0, 0)]
    assert newest(rows) == [Row(1, 9, 3, 2.0, 0), Row(2, 1, 9, 3.0, 0)]
    assert [(d.point_id, d.first_ms, d.last_ms) for d in dirty_ranges(rows, {(2, 1)})] == [
        (1, 1, 9)
    ]
    assert (newest([]), dirty_ranges([], {(2, 1)})) == ([], [])
