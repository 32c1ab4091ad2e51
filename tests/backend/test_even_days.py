"""Arrays of even steps are opened by the reader: the same readings as the database opens."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from backend.acquisition.cold import compact
from backend.acquisition.even_days import IS_EVEN, EvenDay, even_days
from backend.acquisition.readings import between, first, last
from backend.core.db import Database
from tests.postgres import NOW, MakeProject, Tenant

DAY = timedelta(days=1)
OLD = datetime(2026, 1, 10, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
POINTS = 6
Row = tuple[int, int, float, int]
GOOD = (
    "r.quality = 0 AND r.value > '-Infinity' AND r.ts NOT IN"
    " (SELECT unnest(%(out)s::timestamptz[]))"
)
"""A condition that arrays alone do not answer."""


def lives(random: Random) -> list[Row]:
    """Three days of points, most read in even steps: fine ones, wide ones, late and marked ones."""
    rows: list[Row] = []
    for point in range(1, POINTS + 1):
        at = OLD + timedelta(minutes=random.randrange(300))
        shown, step = random.randrange(10**6), timedelta(seconds=random.choice((60, 7, 913)))
        while at < OLD + 3 * DAY:
            wide = 40_000 if point == 2 else 9
            shown += random.randrange(wide) - (point == 3)
            quality = 4 if point == 4 and random.random() < 0.01 else 0
            rows.append((point, (at - EPOCH) // US, shown / 100, quality))
            at += step * (3 if point == 5 and random.random() < 0.05 else 20)
    return rows


@pytest.fixture
async def tenant(make_project: MakeProject) -> Tenant:
    """A project; its points need no rows."""
    return await make_project("a")


@pytest.fixture
async def rows(database: Database, tenant: Tenant) -> list[Row]:
    """Readings, all but the last ones in arrays."""
    found = [*lives(Random(7)), (POINTS, (NOW - EPOCH) // US, 5e6, 0)]
    async with database.ingest() as tx:
        await tx.execute(
            "INSERT INTO reading (project_id, point_id, ts, value, quality) SELECT %s, p,"
            " timestamptz 'epoch' + u * interval '1 microsecond', v, q"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::float8[], %s::smallint[])"
            " AS r (p, u, v, q)",
            (tenant.id, *(list(column) for column in zip(*found, strict=True))),
        )
    await compact(database, tenant.id, NOW)
    return found


SPAN = """
SELECT {what} FROM generate_series(1, %(points)s) AS p (id) CROSS JOIN (
    SELECT timestamptz 'epoch' + %(low)s::bigint * interval '1 microsecond' AS low,
           timestamptz 'epoch' + %(high)s::bigint * interval '1 microsecond' AS high) AS s
CROSS JOIN LATERAL ({of}) AS r
"""


async def test_readings_are_the_same_whoever_opens_their_arrays(
    database: Database, tenant: Tenant, rows: list[Row]
) -> None:
    others = SPAN.format(
        what="p.id, (extract(epoch FROM r.ts) * 1000000)::bigint, r.value, r.quality::int",
        of=between("p.id", "s.low", "s.high", "true", f"NOT {IS_EVEN}"),
    )
    even = SPAN.format(what="p.id, r.*", of=even_days("p.id", "s.low", "s.high"))
    random, opened = Random(8), 0
    async with database.read(tenant.id) as tx:
        for _ in range(40):
            low, high = sorted(random.choice(rows)[1] + random.randrange(-1, 2) for _ in range(2))
            keys = {"project": tenant.id, "points": POINTS, "low": low, "high": high}
            found = [tuple(row) for row in await tx.fetch_tuples(others.encode(), keys)]
            for point, *row in await tx.fetch_tuples(even.encode(), keys):
                day, opened = EvenDay(*row), opened + 1
                times, numbers = day.between(low, high)
                found += [
                    (point, at, number / day.divisor, 0)
                    for at, number in zip(times, numbers, strict=True)
                ]
            assert sorted(found) == [row for row in rows if low <= row[1] <= high]
    assert opened > 100


async def test_the_nearest_reading_is_found_in_arrays(
    database: Database, tenant: Tenant, rows: list[Row]
) -> None:
    random = Random(9)
    out = {random.choice(rows)[1] for _ in range(300)}
    usable = [row for row in rows if row[3] == 0 and row[1] not in out]
    nearest = SPAN.format(
        what="p.id, (extract(epoch FROM r.before) * 1000000)::bigint,"
        " (extract(epoch FROM r.after) * 1000000)::bigint",
        of=f"SELECT b.ts AS before, a.ts AS after FROM ({last('p.id', '< s.low', GOOD)}) AS b,"
        f" ({first('p.id', 's.low', GOOD)}) AS a",
    )
    async with database.read(tenant.id) as tx:
        for _ in range(60):
            low = random.choice(rows)[1] + random.choice((-1, 0, 1, 10**9))
            keys = {"project": tenant.id, "points": POINTS, "low": low, "high": low}
            left_out = {"out": [EPOCH + at * US for at in out]}
            found = await tx.fetch_tuples(nearest.encode(), {**keys, **left_out})
            assert sorted(map(tuple, found)) == [
                (
                    point,
                    max((r[1] for r in usable if r[0] == point and r[1] < low), default=None),
                    min((r[1] for r in usable if r[0] == point and r[1] >= low), default=None),
                )
                for point in range(1, POINTS + 1)
            ]
