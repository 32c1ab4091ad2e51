"""Messages dropped: gateways that had to give up measurements, as one alarm (cases.md 17).

A gateway gives up its oldest messages when its journal reaches its bound or its disk is full; it
counts them, and the platform keeps when the count last rose.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict


class DroppedParams(Params):
    """Minutes after the last loss until the alarm clears."""

    minutes: int = Field(default=60, ge=1, le=10_080)


@dataclass(frozen=True, slots=True)
class LossyGateway:
    """A gateway, the messages it gave up since its journal was made, and when it last did."""

    slug: str
    dropped_total: int
    dropped_at: datetime


@dataclass(frozen=True, slots=True)
class DroppedWindow:
    """The gateways of the project that lost something within the limit."""

    at: datetime
    gateways: tuple[LossyGateway, ...]


class MessagesDropped:
    """Evaluates `messages_dropped`: one occurrence for all gateways."""

    name = "messages_dropped"
    params = DroppedParams
    pace_s = 10.0

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> DroppedWindow:
        """Read the gateways whose count rose of late, the latest first."""
        minutes = DroppedParams.model_validate(definition.params).minutes
        rows = await tx.fetch_all(
            """
            SELECT g.slug, s.dropped_total, s.dropped_at
            FROM gateway g
            JOIN gateway_state s ON s.project_id = %(project)s AND s.gateway_id = g.id
            WHERE g.project_id = %(project)s AND s.dropped_at > %(since)s
            ORDER BY s.dropped_at DESC, g.slug
            """,
            {"project": project_id, "since": now - timedelta(minutes=minutes)},
            into=LossyGateway,
        )
        return DroppedWindow(now, tuple(rows))

    def evaluate(
        self, params: DroppedParams, window: DroppedWindow, priority: int, *, was_active: bool
    ) -> Verdict:
        """Active until `minutes` after the last loss; raised at the first one seen."""
        if not window.gateways:
            return Verdict(False, window.at, priority)
        return Verdict(
            True,
            min(one.dropped_at for one in window.gateways),
            priority,
            {
                "gateways": ", ".join(one.slug for one in window.gateways[:3]),
                "count": len(window.gateways),
                "messages": sum(one.dropped_total for one in window.gateways),
            },
        )
