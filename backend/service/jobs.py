"""Role `worker`: tries and applies restatements, joins late readings, keeps the highest demands,
tells a log server the audit, delivers webhooks, and runs the periodic jobs of the queue in schema
`jobs`.

The queue is procrastinate's, in the same PostgreSQL, used as kw_app; several workers share it and
each periodic job runs once, whoever takes it.
"""

import asyncio
import logging

import procrastinate
from procrastinate.exceptions import ConnectorException

from backend.core.partitions import keep_partitions
from backend.core.platform import Platform
from backend.service import demand_peaks
from backend.service.audit import forward
from backend.service.audit.moving import keep_audit
from backend.service.compaction import compact_readings, join_late_readings
from backend.service.equipment.keep import keep_all as keep_equipment
from backend.service.projects import answer
from backend.service.projects.exports import make_exports
from backend.service.projects.known import known_projects
from backend.service.projects.upkeep import keep_projects
from backend.service.restatement import work as restatement
from backend.service.stock.upkeep import keep_stocks
from backend.service.webhooks import delivery as webhooks

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Jobs that wait for a retry are looked for this often; new ones wake us."""
RETRY_S = 1.0


async def run(platform: Platform) -> None:
    """Work and run jobs until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_work(platform))
        tasks.create_task(restatement.run(platform))
        tasks.create_task(join_late_readings(platform))
        tasks.create_task(demand_peaks.run(platform))
        tasks.create_task(forward.run(platform))
        tasks.create_task(webhooks.run(platform))
        if platform.settings.demo:
            tasks.create_task(answer.run(platform))


async def _work(platform: Platform) -> None:
    """Run jobs for ever: procrastinate's worker ends when its connection to the database does."""
    while True:
        try:
            async with queue(platform).open_async() as app:
                await app.run_worker_async(
                    install_signal_handlers=False, fetch_job_polling_interval=LOOK_S
                )
        except ConnectorException as error:
            log.warning("no job is run while the database is away: %s", error.__cause__ or error)
        await asyncio.sleep(RETRY_S)


def queue(platform: Platform) -> procrastinate.App:
    """The job queue with every periodic job; opened by whoever uses it."""
    connector = procrastinate.PsycopgConnector(
        conninfo=platform.database.url("kw_app"),
        kwargs={"options": "-c search_path=jobs"},
        min_size=1,
        max_size=4,
    )
    app = procrastinate.App(connector=connector)

    @app.periodic(cron="17 * * * *")
    @app.task(name="keep_partitions", pass_context=False, queueing_lock="keep_partitions")
    async def keep(timestamp: int) -> None:
        owner = platform.database.url("kw_owner")
        made = await asyncio.to_thread(keep_partitions, owner, platform.clock.now())
        log.info("partitions of readings made: %s", made)

    @app.periodic(cron="9 * * * *")
    @app.task(name="keep_stocks", pass_context=False, queueing_lock="keep_stocks")
    async def stocks(timestamp: int) -> None:
        for project_id, _ in await known_projects(platform.database):
            await keep_stocks(platform.database, project_id, platform.clock.now())

    @app.periodic(cron="27 * * * *")
    @app.task(name="keep_projects", pass_context=False, queueing_lock="keep_projects")
    async def projects(timestamp: int) -> None:
        await keep_projects(platform)

    @app.periodic(cron="* * * * *")
    @app.task(name="keep_equipment", pass_context=False, queueing_lock="keep_equipment")
    async def equipment(timestamp: int) -> None:
        await keep_equipment(platform.database, platform.clock.now())

    @app.periodic(cron="* * * * *")
    @app.task(name="make_exports", pass_context=False, queueing_lock="make_exports")
    async def exports(timestamp: int) -> None:
        await make_exports(platform)

    _move_old(app, platform)
    return app


def _move_old(app: procrastinate.App, platform: Platform) -> None:
    """The jobs that move what is old to where it takes less."""

    @app.periodic(cron="53 * * * *")
    @app.task(name="keep_audit", pass_context=False, queueing_lock="keep_audit")
    async def keep_old_audit(timestamp: int) -> None:
        await keep_audit(platform)

    @app.periodic(cron="41 * * * *")
    @app.task(name="compact_readings", pass_context=False, queueing_lock="compact_readings")
    async def compact(timestamp: int) -> None:
        await compact_readings(platform)
