"""Delivers what waits in the outbox of every project, whenever something was queued.

It runs in the process that raises alarms, never beside bulk work: a push must not wait for a
computation of somebody else's. Any number of processes share the outbox.
"""

from datetime import UTC, datetime
from typing import Final

import httpx

from backend.core.platform import Platform
from backend.service.notify.channels.webpush import WebPushChannel
from backend.service.notify.outbox import WAKE_CHANNEL, Outbox
from backend.service.notify.vapid import vapid_keys
from backend.service.projects.rounds import go_round

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
        outbox = Outbox(platform.database, platform.clock, channel.send)
        await go_round(platform.database, WAKE_CHANNEL, "notifications", outbox.deliver_due)


def _real_now() -> datetime:
    """Tokens expire in real time, whatever KILOWISE_CLOCK says (design: TLS, VAPID, sessions)."""
    return datetime.now(UTC)  # noqa: TID251
