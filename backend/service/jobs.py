"""Role `worker`: delivers notifications, tries and applies restatements, and runs the periodic jobs
of the queue in schema `jobs`.

The queue is procrastinate's, in the same PostgreSQL, used as kw_app; several workers share it and
each periodic job runs once, whoever takes it.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

import httpx
import procrastinate
from procrastinate.exceptions import ConnectorException

from backend.core.events import notified
from backend.core.partitions import keep_partitions
from backend.core.platform import Platform
from backend.service.compaction import compact_readings, join_late_readings
from backend.service.equipment.keep import keep_all as keep_equipment
from backend.service.notify.channels.webpush import WebPushChannel
from backend.service.notify.outbox import WAKE_CHANNEL, Outbox
from backend.service.notify.vapid import vapid_keys
from backend.service.projects import answer
from backend.service.projects.known import known_projects
from backend.service.restatement import work as restatement
from backend.service.stock.upkeep import keep_stocks

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Notifications that wait for a retry are looked for this often; new ones wake us."""
RETRY_S = 1.0
SEND_TIMEOUT_S = 10.0


async def run(platform: Platform) -> None:
    """Deliver notifications and run jobs until cancelled."""
    keys = await vapid_keys(platform.database, platform.clock.now())
    async with httpx.AsyncClient(timeout=SEND_TIMEOUT_S, follow_redirects=False) as client:
        channel = WebPushChannel(
            keys,
            client,
            contact=platform.settings.push_contact,
            public_url=platform.public_url,
            extra_hosts=platform.settings.push_hosts,
            real_now=_real_now,
        )
        outbox = Outbox(platform.database, platform.clock, channel.send)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_deliver(platform, outbox))
            tasks.create_task(_work(platform))
            tasks.create_task(restatement.run(platform))
            tasks.create_task(join_late_readings(platform))
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

    @app.periodic(cron="* * * * *")
    @app.task(name="keep_equipment", pass_context=False, queueing_lock="keep_equipment")
    async def equipment(timestamp: int) -> None:
        await keep_equipment(platform.database, platform.clock.now())

    @app.periodic(cron="41 * * * *")
    @app.task(name="compact_readings", pass_context=False, queueing_lock="compact_readings")
    async def compact(timestamp: int) -> None:
        await compact_readings(platform)

    return app


def _real_now() -> datetime:
    """Tokens expire in real time, whatever KILOWISE_CLOCK says (design: TLS, VAPID, sessions)."""
    return datetime.now(UTC)  # noqa: TID251


async def _deliver(platform: Platform, outbox: Outbox) -> None:
    wake = asyncio.Event()

    async def listen() -> None:
        async for _ in notified(platform.database, WAKE_CHANNEL):
            wake.set()

    listener = asyncio.create_task(listen())
    try:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), LOOK_S)
            wake.clear()
            for project_id, slug in await known_projects(platform.database):
                try:
                    while await outbox.deliver_due(project_id, slug):
                        pass
                except Exception:
                    log.exception("notifications of project %s were not delivered", slug)
    finally:
        listener.cancel()
