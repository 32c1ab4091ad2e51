"""Delivers the webhooks of every project, whenever something happened; part of role `worker`."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

import httpx

from backend.core.events import CHANNEL, notified
from backend.core.platform import Platform
from backend.service.projects.known import known_projects
from backend.service.webhooks.sending import Sender

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Deliveries that wait for a retry are looked for this often; events wake us."""
TIMEOUT_S: Final = 10.0


async def run(platform: Platform) -> None:
    """Deliver until cancelled."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
        allowed = platform.settings.webhook_hosts
        await _deliver(platform, Sender(platform.database, platform.clock, client, allowed))


async def _deliver(platform: Platform, sender: Sender) -> None:
    wake = asyncio.Event()

    async def listen() -> None:
        async for _ in notified(platform.database, CHANNEL):
            wake.set()

    listener = asyncio.create_task(listen())
    try:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), LOOK_S)
            wake.clear()
            for project_id, slug in await known_projects(platform.database):
                try:
                    while await sender.round(project_id, slug):
                        pass
                except Exception:
                    log.exception("webhooks of project %s were not delivered", slug)
    finally:
        listener.cancel()
