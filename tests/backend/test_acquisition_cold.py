"""Compaction on a real PostgreSQL: exact, once, in one place; late samples; and back again."""

import math
import struct
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest

from backend.acquisition import cold
from backend.acquisition.batch import Batch, Row
from backend.acquisition.cold import compact, compact_some, expand, join, join_late
from backend.acquisition.day_codec import encode
from backend.acquisition.readings import between
from backend.acquisition.store import store
from backend.acquisition.window import hot_since
from backend.core.db import Database
from backend.core.partitions import drop_old_partitions
from backend.core.platform import Platform
from tests.postgres import NOW, MakeProject, Server, Tenant

DAY = timedelta(days=1)
UNTIL = hot_since(NOW)
OLD = datetime(2026, 1, 10, tzinfo=UTC)
Stored = list[tuple[int, datetime, float, int]]


@pytest.fixture
async def tenant(make_project: MakeProject) -> Tenant:
    """A project; its points need no rows."""
    return await make_project("a")


def made(days: int = 3, points: int = 5) -> Stored:
    """Samples of every kind the codec knows, at regular and irregular times."""
    random = Random(18)
    rows: Stored = []
    for point in range(1, points + 1):
        at, register = OLD, 1000.0
        while at < OLD + days * DAY:
            register = round(register + random.random(), 2)
            single = struct.unpack("!f", struct.pack("!f", random.random() * 400))[0]
            odd = random.choice((1e308, -1e308, 5e-324, -0.0, math.pi, random.random()))
            rows.append((point, at, (register, single, odd, 7.0, -register)[point % 5],
                         random.choice((0, 0, 0, 1, 4))))  # fmt: skip
            step = random.choice((1, 7, 60_000, 3_600_000_001)) if point % 2 else 900_000_000
            at += timedelta(microseconds=step)
            if not point % 2 and random.random() < 0.1:
                at += timedelta(hours=1)
    return rows


async def put(database: Database, tenant: Tenant, rows: Stored) -> None:
    """Rows as ingest stored them while they were young."""
    async with database.ingest() as tx:
        await tx.execute(
            "INSERT INTO reading (project_id, point_id, ts, value, quality) SELECT %s, *"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[], %s::smallint[])",
            (tenant.id, *(list(column) for column in zip(*rows, strict=True))),
        )


async def seen(database: Database, tenant: Tenant, points: int = 5) -> Stored:
    """What readers see, of both places."""
    sql = (
        "SELECT p.id, r.ts, r.value, r.quality FROM generate_series(1, %(points)s) AS p (id)"
        f" CROSS JOIN LATERAL ({between('p.id', '%(low)s::timestamptz', '%(high)s::timestamptz')})"
        " AS r ORDER BY 1, 2"
    )
    keys = {"project": tenant.id, "points": points, "low": OLD - 99 * DAY, "high": NOW}
    async with database.read(tenant.id) as tx:
        return [tuple(row) for row in await tx.fetch_tuples(sql.encode(), keys)]


def bits(rows: Stored) -> list[tuple[int, datetime, bytes, int]]:
    """Rows whose values compare to the bit (0.0 is not -0.0)."""
    return [(point, ts, struct.pack("!d", value), mark) for point, ts, value, mark in sorted(rows)]


def counts(admin: psycopg.Connection) -> tuple[int, int]:
    """Rows left in `reading`, and samples in arrays."""
    found = admin.execute(
        "SELECT (SELECT count(*) FROM reading), (SELECT coalesce(sum(count), 0) FROM reading_day)"
    ).fetchone()
    assert found is not None
    return found[0], found[1]


@pytest.mark.both_postgres
async def test_closed_days_become_arrays_to_the_bit(
    database: Database, tenant: Tenant, admin: psycopg.Connection
) -> None:
    rows = made()
    young = [(1, UNTIL + timedelta(seconds=1), 5.0, 0), (1, NOW, 6.0, 0)]
    await put(database, tenant, [*rows, *young])
    before = await seen(database, tenant)
    assert bits(before) == bits([*rows, *young])
    assert await compact(database, tenant.id, NOW) == len(rows)
    assert counts(admin) == (2, len(rows))
    assert bits(await seen(database, tenant)) == bits(before)
    assert await compact(database, tenant.id, NOW) == 0
    async with database.project(tenant.id) as tx:
        last = (OLD + 2 * DAY).date()
        assert await expand(tx, tenant.id, range(1, 6), OLD.date(), last) == len(rows)
    assert counts(admin) == (len(rows) + 2, 0)
    assert bits(await seen(database, tenant)) == bits(before)


async def test_another_projects_readings_stay_where_they_are(
    database: Database, tenant: Tenant, make_project: MakeProject, admin: psycopg.Connection
) -> None:
    other = await make_project("b")
    await put(database, tenant, made(1))
    await put(database, other, made(1))
    await compact(database, tenant.id, NOW)
    assert counts(admin) == (len(made(1)), len(made(1)))
    assert bits(await seen(database, other)) == bits(made(1))
    async with database.read(other.id) as tx:
        assert await tx.fetch_tuples("SELECT * FROM reading_day") == []


@pytest.mark.parametrize("moment", ["_join", "_arrays", "_written"])
async def test_an_end_at_any_moment_loses_and_doubles_nothing(
    database: Database,
    tenant: Tenant,
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    rows = made(2)
    await put(database, tenant, rows)
    async with database.project(tenant.id) as tx:
        first = await compact_some(tx, tenant.id, UNTIL)
    assert first.more

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cold, moment, die)
        with pytest.raises(KeyboardInterrupt):
            await compact(database, tenant.id, NOW)
    assert counts(admin) == (len(rows) - first.samples, first.samples)
    assert bits(await seen(database, tenant)) == bits(rows)
    await compact(database, tenant.id, NOW)
    assert counts(admin) == (0, len(rows))
    assert bits(await seen(database, tenant)) == bits(rows)


async def test_arrays_that_do_not_read_as_written_delete_nothing(
    database: Database, tenant: Tenant, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(database, tenant, made(1))
    monkeypatch.setattr(cold, "encode", lambda samples: encode(samples[:-1]))
    with pytest.raises(cold.CompactionFault):
        await compact(database, tenant.id, NOW)
    assert counts(admin) == (len(made(1)), 0)


async def test_late_samples_join_their_day_once(
    platform: Platform, tenant: Tenant, admin: psycopg.Connection
) -> None:
    database = platform.database
    admin.execute(
        "INSERT INTO point (project_id, id, device_id, name, kind, unit)"
        " VALUES (%s, 1, 1, 'ep_imp', 'register', 'kWh'), (%s, 2, 1, 'p', 'gauge', 'kW')",
        (tenant.id, tenant.id),
    )
    rows = made(1)
    await put(database, tenant, rows)
    await compact(database, tenant.id, NOW)
    ms = int(OLD.timestamp() * 1000)
    there = Row(tenant.id, 1, ms, 99.0, 0)
    late = [
        Row(tenant.id, 1, ms + 2, 5.5, 0),
        Row(tenant.id, 2, ms + 3, 6.5, 1),
        Row(tenant.id, 9, ms - 86_400_000, 7.5, 0),
    ]
    expected = bits([*rows, *((r.point_id, OLD + timedelta(milliseconds=r.ts_ms - ms), r.value,
                               r.quality) for r in late[:2])])  # fmt: skip
    for _ in range(2):
        stored = await store(database, Batch(late=[*late, there]), platform.clock)
        assert (stored.rows, stored.quarantined) == ([], 0)
        async with database.project(tenant.id) as tx:
            await join_late(tx, tenant.id)
        assert bits(await seen(database, tenant)) == expected
        assert counts(admin) == (0, len(rows) + 3)
        assert admin.execute("SELECT count(*) FROM reading_late").fetchone() == (0,)
    dirty = admin.execute("SELECT point_id, first_ts, last_ts FROM dirty").fetchall()
    at = OLD + timedelta(milliseconds=2)
    assert dirty == [(1, at, at)]


async def test_a_late_sample_that_has_not_been_moved_yet_counts_once(
    database: Database, tenant: Tenant, admin: psycopg.Connection
) -> None:
    rows = made(1)
    await put(database, tenant, rows)
    ms = int(OLD.timestamp() * 1000)
    async with database.project(tenant.id) as tx:
        new = await join(
            tx, tenant.id, [Row(tenant.id, 1, ms, 99.0, 0), Row(tenant.id, 1, ms + 5, 1.0, 0)]
        )
    assert [row.ts_ms for row in new] == [ms + 5]
    await compact(database, tenant.id, NOW)
    assert counts(admin) == (0, len(rows) + 1)


async def test_a_month_is_dropped_when_nothing_is_left_in_it(
    postgres_server: Server, database_name: str, database: Database, tenant: Tenant,
    admin: psycopg.Connection,
) -> None:  # fmt: skip
    rows = made(2)
    await put(database, tenant, rows)
    owner = postgres_server.url("kw_owner", database_name)
    later = NOW + 60 * DAY
    assert drop_old_partitions(owner, NOW) == []
    # One project's single reading keeps the month, though the owner itself sees none.
    async with database.project(tenant.id) as tx:
        await compact_some(tx, tenant.id, UNTIL)
    assert drop_old_partitions(owner, later) == ["reading_2026_02"]
    kept = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'reading_2026_01'"
    assert admin.execute(kept.encode()).fetchone() == (True,)
    await compact(database, tenant.id, NOW)
    assert drop_old_partitions(owner, later) == ["reading_2026_01"]
    assert bits(await seen(database, tenant)) == bits(rows)
    assert admin.execute("SELECT to_regclass('reading_2026_01')").fetchone() == (None,)
