"""Certificate expiry: gateways that did not renew in time, as one alarm with rising priority.

A gateway renews itself when 30 days are left, a little earlier in fact; so whoever has fewer is
away or cannot reach the platform, and stops at the end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field, model_validator

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict

DAY = timedelta(days=1)


class ExpiryParams(Params):
    """Days left at which the alarm is low, high and highest (priority 3, 2, 1)."""

    low_days: int = Field(default=30, ge=1, le=60)
    high_days: int = Field(default=7, ge=1, le=60)
    highest_days: int = Field(default=1, ge=1, le=60)

    @model_validator(mode="after")
    def _falling(self) -> "ExpiryParams":
        if not self.low_days >= self.high_days >= self.highest_days:
            raise ValueError("low_days, high_days and highest_days must not rise")
        return self

    def priority(self, left: timedelta) -> int | None:
        """The priority with so much time left; None while there is enough."""
        limits = ((self.highest_days, 1), (self.high_days, 2), (self.low_days, 3))
        return next((priority for days, priority in limits if left < days * DAY), None)


@dataclass(frozen=True, slots=True)
class ExpiringGateway:
    """A gateway and the end of the certificate that it has longest."""

    slug: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ExpiryWindow:
    """All gateways of the project that connect by certificate."""

    at: datetime
    gateways: tuple[ExpiringGateway, ...]


class CertificateExpiry:
    """Evaluates `certificate_expiry`: one occurrence for all gateways, the nearest end decides."""

    name = "certificate_expiry"
    params = ExpiryParams
    pace_s = 60.0

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> ExpiryWindow:
        """Read the newest end of every gateway; one whose certificates were revoked is left out."""
        rows = await tx.fetch_all(
            """
            SELECT g.slug, max(c.not_after) AS not_after
            FROM gateway g
            JOIN gateway_certificate c ON c.project_id = %(project)s AND c.gateway_id = g.id
            WHERE g.project_id = %(project)s AND c.revoked_at IS NULL
            GROUP BY g.slug ORDER BY 2, 1
            """,
            {"project": project_id},
            into=ExpiringGateway,
        )
        return ExpiryWindow(now, tuple(rows))

    def evaluate(
        self, params: ExpiryParams, window: ExpiryWindow, priority: int, *, was_active: bool
    ) -> Verdict:
        """Active while any gateway has too few days left; raised when the first one ran low."""
        low = [
            one for one in window.gateways if params.priority(one.not_after - window.at) is not None
        ]
        if not low:
            return Verdict(False, window.at, priority)
        first = min(low, key=lambda one: one.not_after)
        left = first.not_after - window.at
        urgency = params.priority(left) or priority
        limit = {1: params.highest_days, 2: params.high_days, 3: params.low_days}[urgency]
        return Verdict(
            True,
            first.not_after - limit * DAY,
            urgency,
            {
                "gateways": ", ".join(one.slug for one in low[:3]),
                "count": len(low),
                "days": max(0, left // DAY),
                "endsAt": first.not_after.isoformat(),
            },
        )
