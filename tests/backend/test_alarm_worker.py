"""The alarm role: one owner a project, every kind at its own pace."""

from datetime import timedelta

import psycopg
from psycopg.types.json import Jsonb

from backend.core.clock import ManualClock
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.service.alarms.kinds.registry import KINDS
from backend.service.alarms.worker import Evaluator
from tests.postgres import Actor


async def test_one_process_owns_a_project(
    platform: Platform, alice: Actor, admin: psycopg.Connection
) -> None:
    """The first holds the lease and renews it; the second takes it once it ran out."""
    first, second, project = Evaluator(platform), Evaluator(platform), alice.tenant.id
    assert await first.hold_lease(project)
    assert await first.hold_lease(project)
    assert not await second.hold_lease(project)
    admin.execute("UPDATE alarm_lease SET until = clock_timestamp() - interval '1 second'")
    assert await second.hold_lease(project)
    assert not await first.hold_lease(project)


async def test_a_device_that_falls_silent_is_found_at_the_kinds_pace(
    platform: Platform, alice: Actor, clock: ManualClock
) -> None:
    """A look within ten seconds of the last one finds nothing; the next one raises."""
    project, start = alice.tenant.id, clock.now()
    async with platform.database.ingest() as tx:
        device = await tx.fetch_value(
            "INSERT INTO device (project_id, uid, gateway_id, slug, verified, online)"
            " VALUES (%s, %s, 1, 'comp-1', true, true) RETURNING id",
            (project, new_uuid(start)),
            into=int,
        )
        point = await tx.fetch_value(
            "INSERT INTO point (project_id, device_id, name, kind, unit)"
            " VALUES (%s, %s, 'p', 'gauge', 'kW') RETURNING id",
            (project, device),
            into=int,
        )
        heard = start - timedelta(minutes=4, seconds=56)
        await tx.execute(
            "INSERT INTO last_value (project_id, point_id, ts, value) VALUES (%s, %s, %s, 1)",
            (project, point, heard),
        )
    async with platform.database.project(project) as write:
        await write.execute(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, params, priority, mode,"
            " created_at) VALUES (%s, %s, 'meter_silent', %s, %s, 3, 'live', %s)",
            (project, new_uuid(start), Jsonb({"en": "Silent"}), Jsonb({"minutes": 5}), start),
        )
    evaluator = Evaluator(platform)
    assert await evaluator.evaluate_project(project) == 0
    await clock.advance(5)
    assert await evaluator.evaluate_project(project) == 0
    await clock.advance(5)
    assert await evaluator.evaluate_project(project) == 1


def test_every_kind_says_its_pace() -> None:
    """Demand follows every batch; what looks at minutes looks rarely."""
    assert {name: kind.pace_s for name, kind in KINDS.items()} == {
        "demand_forecast": 0.0,
        "off_shift_use": 30.0,
        "meter_silent": 10.0,
        "certificate_expiry": 60.0,
        "gateway_data_budget": 60.0,
        "messages_dropped": 10.0,
        "quota_reached": 10.0,
    }
