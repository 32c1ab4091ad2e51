"""Quotas where they are used: an alarm for what was refused, people, notifications, storage."""

from datetime import timedelta

import psycopg
import pytest

from backend.core.db import Database
from backend.core.errors import InvalidInput, TooMuch
from backend.service.alarms.kinds.base import Definition
from backend.service.alarms.kinds.quota_reached import QuotaParams, QuotaReached
from backend.service.projects.quotas import (
    Quota,
    messages_left,
    read_quota,
    require_place,
    set_quota,
)
from backend.service.projects.upkeep import measure
from tests.postgres import NOW, MakePerson, Tenant

HOUR = timedelta(hours=1)
DEFINITION = Definition(1, "quota_reached", None, None, 2, {"minutes": 30})


@pytest.fixture
async def mill(database: Database, admin: psycopg.Connection, alice: object) -> Tenant:
    """Alice's project: one person, 4,200 points refused ten minutes ago."""
    found = admin.execute("SELECT id, uid, slug FROM project WHERE slug = 'acme'").fetchone()
    assert found is not None
    mill = Tenant(*found)
    admin.execute(
        "INSERT INTO project_use (project_id, day, points, refused, refused_at)"
        " VALUES (%s, %s, 1000, 4200, %s)",
        (mill.id, NOW.date(), NOW - timedelta(minutes=10)),
    )
    return mill


async def test_what_was_refused_is_an_alarm_until_it_has_been_quiet(
    database: Database, mill: Tenant
) -> None:
    kind = QuotaReached()
    told = []
    for now in (NOW, NOW + HOUR):
        async with database.read(mill.id) as tx:
            window = await kind.load(tx, mill.id, DEFINITION, now)
        told.append(kind.evaluate(QuotaParams(), window, 2, was_active=True))
    assert (told[0].active, told[0].at) == (True, NOW - timedelta(minutes=10))
    assert told[0].params == {"points": 4200}
    assert told[1].active is False


async def test_people_are_as_many_as_the_quota_says(
    database: Database, mill: Tenant, make_person: MakePerson
) -> None:
    async with database.platform() as tx:
        await require_place(tx, mill.id)
        await set_quota(tx, mill.id, Quota(people=2))
        await require_place(tx, mill.id)
    await make_person("bob", mill)
    async with database.platform() as tx:
        await require_place(tx, mill.id, more=0)
        with pytest.raises(TooMuch) as refused:
            await require_place(tx, mill.id)
    assert (refused.value.error_code, refused.value.params) == ("quota_people", {"most": 2})


async def test_notifications_end_with_the_days_quota_but_for_the_highest_priority(
    database: Database, mill: Tenant, admin: psycopg.Connection
) -> None:
    async with database.project(mill.id) as tx:
        await set_quota(tx, mill.id, Quota(messages_per_day=5))
        left = [await messages_left(tx, mill.id, 3, 2, NOW) for _ in range(3)]
        assert left == [3, 2, 0]
        assert await messages_left(tx, mill.id, 3, 1, NOW) == 3
        # Another day begins anew.
        assert await messages_left(tx, mill.id, 3, 2, NOW + 24 * HOUR) == 3
    counted = admin.execute(
        "SELECT messages, messages_refused, refused FROM project_use ORDER BY day"
    ).fetchall()
    assert counted == [(8, 4, 4200), (3, 0, 0)]


async def test_storage_is_measured_from_samples_hot_and_cold(
    database: Database, mill: Tenant, admin: psycopg.Connection
) -> None:
    admin.execute(
        "INSERT INTO reading_day (project_id, point_id, day, count, first_ts, unit_us, base,"
        " divisor) VALUES (%s, 1, '2026-01-01', 500, %s, 1, 0, 1)",
        (mill.id, NOW),
    )
    admin.execute(
        "INSERT INTO project_use (project_id, day, points) VALUES (%s, '2026-01-01', 777)",
        (mill.id,),
    )
    assert await measure(database, mill.id, NOW) == 1000 * 105 + 500 * 6
    kept = admin.execute("SELECT stored_bytes FROM project WHERE id = %s", (mill.id,)).fetchone()
    assert kept == (108_000,)


async def test_a_quota_is_a_number_from_nothing_up(database: Database, mill: Tenant) -> None:
    async with database.platform() as tx:
        for wanted in (Quota(people=-1), Quota(points_per_s=2_000_000_001)):
            with pytest.raises(InvalidInput) as refused:
                await set_quota(tx, mill.id, wanted)
            assert refused.value.error_code == "quota_number"
        await set_quota(tx, mill.id, Quota(1, 2, 3, 4))
        assert await read_quota(tx, mill.id) == Quota(1, 2, 3, 4)
