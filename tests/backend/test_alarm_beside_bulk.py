"""An alarm waits for no bulk work: whatever that holds, the alarm is raised and pushed.

No clock decides here: the bulk transaction is open until the push was sent, so an alarm that waits
for anything of it never comes.
"""

import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from backend.aggregation import accounts
from backend.core.clock import ManualClock
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.core.tables import alarms as alarm_tables
from backend.core.tables import metadata
from backend.main.roles import PATIENCE
from backend.main.serve import PROCESSES
from backend.service.alarms import worker
from backend.service.notify.outbox import Outbox
from backend.service.notify.subscriptions import register
from backend.service.plant import editing
from tests.backend.test_alarms import REGISTRATION, Sent
from tests.backend.test_demand_peaks import contract
from tests.postgres import NOW, Actor

OF_ALARMS = {
    table.__tablename__
    for table in vars(alarm_tables).values()
    if getattr(table, "__module__", "") == alarm_tables.__name__ and hasattr(table, "__tablename__")
}
"""What raising and pushing writes is declared in one file; everything else belongs to others."""
COUNTED = "project_use"
"""Counted also by ingest, each time in a transaction of its own that does nothing else."""


def hold_everything_else(bulk: psycopg.Connection, project: int) -> None:
    """As if accounting, an import and a restatement were all in the middle of a long one."""
    others = sorted(set(metadata.tables) - OF_ALARMS - {COUNTED})
    assert {"account", "dirty", "stale", "reading", "last_value", "import_job"} <= {*others}
    names = sql.SQL(", ").join(map(sql.Identifier, others))
    bulk.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names))
    for lock in (accounts.LOCK, editing.LOCK):
        bulk.execute("SELECT pg_advisory_xact_lock(%s, %s)", (lock, project))


async def test_an_alarm_is_raised_and_pushed_while_bulk_work_holds_everything_else(
    platform: Platform, alice: Actor, clock: ManualClock, admin: psycopg.Connection
) -> None:
    """Demand over its contract, with every table of others locked against writing."""
    database, project = platform.database, alice.tenant.id
    await contract(database, alice, 1, [4700.0] * 60)
    async with database.project(project) as tx:
        await register(tx, project, alice.id, REGISTRATION, NOW)
        await tx.execute(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, params, priority, mode,"
            " created_at) VALUES (%s, %s, 'demand_forecast', '{}', %s, 2, 'live', %s)",
            (project, new_uuid(NOW), Jsonb({}), NOW),
        )
    sent = Sent()
    evaluator, outbox = worker.Evaluator(platform), Outbox(database, clock, sent)
    with admin.transaction():
        hold_everything_else(admin, project)
        assert await evaluator.owns(project)
        assert await evaluator.evaluate_project(project) == 1
        assert await outbox.deliver_due(project, alice.tenant.slug) == 1
        assert [message.data["project"] for _, message in sent.messages] == [alice.tenant.slug]


async def test_a_lease_that_was_just_claimed_is_not_asked_for_again(
    platform: Platform, alice: Actor, admin: psycopg.Connection
) -> None:
    """A look needs no commit; a claim is believed for a third of its time only."""
    evaluator, project = worker.Evaluator(platform), alice.tenant.id
    assert await evaluator.owns(project)
    first = admin.execute("SELECT until FROM alarm_lease").fetchall()
    assert await evaluator.owns(project)
    assert admin.execute("SELECT until FROM alarm_lease").fetchall() == first
    assert worker.SURE_S <= worker.LEASE_S / 3


async def test_who_does_not_hold_the_lease_asks_every_time(
    platform: Platform, alice: Actor, admin: psycopg.Connection
) -> None:
    """The second evaluator takes over at the first look after the lease ended."""
    first, second, project = worker.Evaluator(platform), worker.Evaluator(platform), alice.tenant.id
    assert await first.owns(project)
    assert not await second.owns(project)
    admin.execute("UPDATE alarm_lease SET until = clock_timestamp() - interval '1 second'")
    assert await second.owns(project)


def test_alarms_share_their_process_with_no_other_role() -> None:
    """Python computes one thing at a time: beside accounting an alarm would wait for its bites."""
    assert [names for names in PROCESSES if "alarm" in names] == [("alarm",)]
    assert {role for names in PROCESSES for role in names} >= {"web", "ingest", "aggregate"}


def test_what_nobody_waits_for_gives_way(tmp_path: Path) -> None:
    """A process that leads a session says so for the whole session, another one only for itself."""
    told = [tmp_path / "leader", tmp_path / "member"]
    nice = [
        subprocess.run(
            [sys.executable, "-c", GIVES_WAY, str(file)],
            start_new_session=file.name == "leader",
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for file in told
    ]
    assert nice == ["0 5", "0 5"]
    assert [file.read_text() if file.exists() else None for file in told] == ["5\n", None]
    assert PATIENCE == {"history": 5}


GIVES_WAY = """
import os, sys
from pathlib import Path
from backend.core.processes import give_way
before = os.nice(0)
give_way(0, Path(sys.argv[1]))
same = os.nice(0) - before
give_way(5, Path(sys.argv[1]))
print(same, os.nice(0) - before)
"""
