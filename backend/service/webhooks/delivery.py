"""Delivers the webhooks of every project, whenever something happened; part of role `worker`."""

from typing import Final

import httpx

from backend.core.events import CHANNEL
from backend.core.platform import Platform
from backend.service.projects.rounds import go_round
from backend.service.webhooks.sending import Sender

TIMEOUT_S: Final = 10.0


async def run(platform: Platform) -> None:
    """Deliver until cancelled."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
        allowed = platform.settings.webhook_hosts
        sender = Sender(platform.database, platform.clock, client, allowed)
        await go_round(platform.database, CHANNEL, "webhooks", sender.round)
