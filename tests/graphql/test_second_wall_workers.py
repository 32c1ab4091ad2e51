"""The second wall under the workers: what roles do in a project's transactions, without the filter.

Beside our project stands its mirror, every row under the same number. Each role does in ours what
it does, with the platform's own filter taken out of each statement: each comes to what it comes to
with it, and no row of the mirror changes. With row-level security off as well the same statements
reach the mirror's rows. What workers ask across projects: tests/architecture/across.yaml.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from backend.acquisition import cold
from backend.aggregation.accounts import account, keep_ahead
from backend.aggregation.progress import read_progress
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.service.alarms.kinds.registry import KINDS
from backend.service.alarms.worker import Evaluator
from backend.service.demand_peaks import keep_peaks
from backend.service.equipment import keep
from backend.service.integration import answered
from backend.service.notify.outbox import Outbox
from backend.service.notify.subscriptions import Registration, register
from backend.service.people.asker import Asker
from backend.service.projects import upkeep
from backend.service.projects.exports import make_exports
from backend.service.restatement import work as restatement
from backend.service.restatement.decide import approve, propose
from backend.service.stock.upkeep import keep_stocks
from backend.service.webhooks.sending import Sender
from tests.backend.test_alarms import Sent
from tests.graphql.mirror import mirror
from tests.graphql.strangers import look
from tests.graphql.walk.both_ways import BothWays
from tests.graphql.walk.scene import make_scene
from tests.graphql.walk.unfiltered import TENANT_TABLES, Removed, without_filter
from tests.postgres import NOW, Actor, MakePerson, MakeProject, Tenant

FACTOR = {
    "energy": "electricity",
    "substance": "kgce",
    "basis": "calorific",
    "value": "0.5",
    "since": "2026-03-15T00:00:00+08:00",
    "source": "GB/T 2589",
}
PROPOSED = UUID("0195e2a4-0000-7000-8000-0000000000f1")
Step = Callable[[Platform, Tenant], Awaitable[object]]


async def accounts(platform: Platform, tenant: Tenant) -> None:
    """Role `aggregate`: all that is dirty or stale, and the look at what is left."""
    more = True
    while more:
        async with platform.database.project(tenant.id) as tx:
            more = (await account(tx, tenant.id, NOW, timedelta(days=31))).more
    async with platform.database.read(tenant.id) as read:
        await read_progress(read, tenant.id)


async def alarms(platform: Platform, tenant: Tenant) -> None:
    """Role `alarm`: every definition, and what is to be told of it."""
    evaluator = Evaluator(platform)
    assert await evaluator.owns(tenant.id)
    assert await evaluator.evaluate_project(tenant.id) > 0
    sent = Sent()
    assert await Outbox(platform.database, platform.clock, sent).deliver_due(tenant.id, tenant.slug)
    assert sent.messages


async def restatements(platform: Platform, tenant: Tenant) -> None:
    """Role `worker`: what was proposed is tried, and applied once somebody else approved it."""

    async def go_on() -> restatement.Step:
        found = restatement.Step.DONE
        while found is restatement.Step.DONE:
            found = await restatement.step(platform.database, tenant.id, NOW)
        return found

    assert await go_on() is restatement.Step.NOTHING
    async with platform.database.project(tenant.id) as tx:
        await approve(tx, tenant.id, PROPOSED, Asker(0, new_uuid(NOW)), NOW)
    assert await go_on() is restatement.Step.WAITING
    await accounts(platform, tenant)
    assert await go_on() is restatement.Step.NOTHING


async def old_readings(platform: Platform, tenant: Tenant) -> None:
    """Role `worker`: closed days become arrays, and what came late joins them."""
    assert await cold.compact(platform.database, tenant.id, NOW) > 0
    async with platform.database.project(tenant.id) as tx:
        assert (await cold.join_late(tx, tenant.id)).samples > 0


async def figures(platform: Platform, tenant: Tenant) -> None:
    """Role `worker`: highest demands, hours of equipment, stocks, and what a project takes."""
    database = platform.database
    await keep_peaks(database, tenant.id, NOW)
    async with database.read(tenant.id) as read:
        machines = await keep.definitions(read, tenant.id)
    for one in machines:
        await keep.keep_hours(database, tenant.id, one, NOW)
    await keep_stocks(database, tenant.id, NOW)
    assert await upkeep.measure(database, tenant.id, NOW) > 0
    async with database.project(tenant.id) as tx:
        await answered.forget(tx, tenant.id, NOW)


async def webhooks(platform: Platform, tenant: Tenant) -> None:
    """Role `worker`: what happened is told."""
    told = httpx.MockTransport(lambda _: httpx.Response(204))
    async with httpx.AsyncClient(transport=told) as client:
        sender = Sender(platform.database, platform.clock, client, ["secret.example"])
        assert await sender.round(tenant.id, tenant.slug) > 0


STEPS: tuple[Step, ...] = (accounts, alarms, restatements, old_readings, figures, webhooks)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Our project, and the one that has every row of it under the same number."""

    ours: Tenant
    mirror: Actor


@pytest.fixture
async def mirrored(
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
    admin: psycopg.Connection,
) -> Mirrored:
    """One of everything, with readings of now, of fifty days ago, and late ones."""
    ours = await make_project("acme")
    boss = await make_person("boss", ours, role="administrator")
    scene = await make_scene(platform, boss, await make_person("leaving", ours, role="manager"))
    plant = scene.plant
    async with platform.database.project(ours.id) as tx:
        await tx.execute(
            "INSERT INTO supply_contract (project_id, node_id, contract_demand_kw, capacity_kva,"
            " window_minutes, step_minutes, demand_price, valid_from)"
            " VALUES (%s, %s, 4200, 7650, 15, 1, 38.4, %s)",
            (ours.id, plant.nodes["grid"].id, NOW - timedelta(days=90)),
        )
        for kind in KINDS:
            given = {"limit_kw": 1} if kind == "off_shift_use" else {}
            node = plant.nodes["site"].id
            await tx.execute(
                "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params,"
                " priority, mode, created_at) VALUES (%s, %s, %s, %s, %s, %s, 1, 'live', %s)",
                (ours.id, new_uuid(NOW), kind, Jsonb({"en": kind}), node, Jsonb(given), NOW),
            )
        phone = Registration("https://fcm.googleapis.com/x", "BPub", "secret", "en", "test")
        await register(tx, ours.id, boss.id, phone, NOW)
        await tx.execute(
            "UPDATE webhook_delivery SET state = 'pending' WHERE project_id = %s", (ours.id,)
        )
        await keep_ahead(tx, ours.id, NOW)
        await tx.execute(
            "DELETE FROM calendar_period WHERE project_id = %s AND (end_ts < %s OR start_ts > %s)",
            (ours.id, NOW - timedelta(days=7), NOW + timedelta(days=7)),
        )
        # What two weeks of the stock and of the register that people read come to is left out.
        for table in ("stale", "regroup"):
            await tx.execute(f"DELETE FROM {table} WHERE project_id = %s".encode(), (ours.id,))
        proposer = Asker(boss.id, boss.uid)
        row = await propose(tx, ours.id, "factor", FACTOR, "it was wrong", proposer, NOW)
        await tx.execute(
            "UPDATE restatement SET uid = %s WHERE project_id = %s AND id = %s",
            (PROPOSED, ours.id, row.id),
        )
    await read(platform, ours, plant.points)
    theirs = await make_project("neighbour")
    mirror(admin, ours.id, theirs.id)
    return Mirrored(ours, await make_person("theirs", theirs))


async def read(platform: Platform, ours: Tenant, points: Mapping[tuple[str, str], int]) -> None:
    """Readings of every quarter hour, as ingest leaves them: registers today, powers long ago too.

    A register that was silent for so long would have weeks of estimated accounts.
    """
    powers = [number for (_, name), number in points.items() if name == "p"]
    async with platform.database.ingest() as tx:
        for table, those, days, minutes in (
            ("reading", list(points.values()), 0, 120),
            ("reading", powers, 50, 120),
            ("reading_late", powers, 49, 30),
        ):
            await tx.execute(
                f"INSERT INTO {table} (project_id, point_id, ts, value, quality)"
                " SELECT %s, p, %s::timestamptz - m * interval '1 minute', 2000 - m, 0"
                " FROM unnest(%s::bigint[]) AS p, generate_series(0, %s, 15) AS m".encode(),
                (ours.id, NOW - timedelta(days=days), those, minutes),
            )
        await tx.execute(
            "UPDATE last_value SET ts = %s WHERE project_id = %s",
            (NOW - timedelta(minutes=10), ours.id),
        )
        await tx.execute(
            "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
            " SELECT %s, p, %s, %s FROM unnest(%s::bigint[]) AS p",
            (ours.id, NOW - timedelta(minutes=120), NOW, list(points.values())),
        )


async def worked(platform: Platform, tenant: Tenant) -> tuple[BothWays, Removed]:
    """Do what each role does in a project, without the filter; what came of every statement."""
    seen = BothWays()
    with without_filter(seen) as removed:
        for step in STEPS:
            await step(platform, tenant)
    return seen, removed


async def test_row_level_security_alone_holds_workers(
    platform: Platform, mirrored: Mirrored, admin: psycopg.Connection
) -> None:
    before = look(admin, mirrored.mirror)
    seen, removed = await worked(platform, mirrored.ours)
    assert not seen.leaking
    assert not removed.kept
    assert look(admin, mirrored.mirror) == before
    assert len(seen.same) > 100
    with without_filter(seen):
        await make_exports(platform)
    assert not seen.leaking


async def test_nothing_else_held_them(
    platform: Platform, mirrored: Mirrored, admin: psycopg.Connection
) -> None:
    """With row-level security off, the statements of each role alone reach the mirror's rows."""
    for table in TENANT_TABLES:
        admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY".encode())
    reached = {}
    for step in STEPS:
        seen = BothWays()
        with without_filter(seen, only_told=True):
            await step(platform, mirrored.ours)
        reached[step.__name__] = len(seen.leaking)
    assert all(reached.values()), reached
    assert sum(reached.values()) > 60
