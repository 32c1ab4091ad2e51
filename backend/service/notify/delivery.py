"""Delivers what waits in the outbox of every project, whenever something was queued.

It runs in the process that raises alarms, never beside bulk work: a push must not wait for a
computation of somebody else's. Any number of processes share the outbox.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import httpx

from backend.core.events import notified
from backend.core.platform import Platform
from backend.service.notify.channels.webpush import WebPushChannel
from backend.service.notify.outbox import WAKE_CHANNEL, Outbox
from backend.service.notify.vapid import vapid_keys
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Notifications that wait for a retry are looked for this often; new ones wake us."""
SEND_TIMEOUT_S: Final = 10.0


async def run(platform: Platform) -> None:
    """Deliver by web push until cancelled."""
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
        await deliver(platform, Outbox(platform.database, platform.clock, channel.send))


async def deliver(platform: Platform, outbox: Outbox) -> None:
    """Send what is due of all projects, for ever."""
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


def _real_now() -> datetime:
    """Tokens expire in real time, whatever KILOWISE_CLOCK says (design: TLS, VAPID, sessions)."""
    return datetime.now(UTC)  # noqa: TID251
