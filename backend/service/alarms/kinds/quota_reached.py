"""Quota reached: the platform did not take what the project sent, as one alarm (cases.md 24).

Gateways keep what was not taken and send it again; what others sent then is a gap.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict


class QuotaParams(Params):
    """Minutes after the last refusal until the alarm clears."""

    minutes: int = Field(default=30, ge=1, le=1440)


@dataclass(frozen=True, slots=True)
class QuotaWindow:
    """Points that were not taken on the days of the limit, and when that was last so."""

    at: datetime
    refused: int
    refused_at: datetime | None


class QuotaReached:
    """Evaluates `quota_reached`."""

    name = "quota_reached"
    params = QuotaParams
    pace_s = 10.0

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> QuotaWindow:
        """Read what was refused of late."""
        minutes = QuotaParams.model_validate(definition.params).minutes
        since = now - timedelta(minutes=minutes)
        row = await tx.fetch_one(
            "SELECT coalesce(sum(refused), 0)::bigint AS refused, max(refused_at) AS refused_at"
            " FROM project_use WHERE project_id = %s AND day >= %s AND refused_at > %s",
            (project_id, since.date(), since),
        )
        return QuotaWindow(now, *((0, None) if row is None else row.values()))

    def evaluate(
        self, params: QuotaParams, window: QuotaWindow, priority: int, *, was_active: bool
    ) -> Verdict:
        """Active until `minutes` after the last refusal."""
        if window.refused_at is None:
            return Verdict(False, window.at, priority)
        return Verdict(True, window.refused_at, priority, {"points": window.refused})
