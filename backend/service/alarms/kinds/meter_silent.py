"""Meter silent: devices without a sample for some minutes, as one alarm (domain.md 6.3).

A device whose feeder is de-energised on purpose is not silent, nor in the minutes after.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict
from backend.service.calendar.duty import without_power


class SilentParams(Params):
    """How long a device may be silent; a device that was never heard is not yet expected."""

    minutes: int = Field(default=5, ge=1, le=1440)


@dataclass(frozen=True, slots=True)
class SilentDevice:
    """A device whose newest sample is older than the limit."""

    slug: str
    last_ts: datetime


@dataclass(frozen=True, slots=True)
class SilentWindow:
    """All silent devices of the project now, of how many that were ever heard."""

    at: datetime
    devices: int
    silent: tuple[SilentDevice, ...]


class MeterSilent:
    """Evaluates `meter_silent`: one occurrence for all silent devices, to prevent storms."""

    name = "meter_silent"
    params = SilentParams
    pace_s = 10.0

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> SilentWindow | None:
        """Read the newest sample of every device that has one."""
        minutes = SilentParams.model_validate(definition.params).minutes
        rows = await tx.fetch_all(
            """
            SELECT d.id, d.slug, max(v.ts) AS last_ts
            FROM device d
            JOIN point p ON p.project_id = %(project)s AND p.device_id = d.id
            JOIN last_value v ON v.project_id = %(project)s AND v.point_id = p.id
            WHERE d.project_id = %(project)s
            GROUP BY d.id, d.slug ORDER BY d.slug
            """,
            {"project": project_id},
        )
        if not rows:
            return None
        limit = now - timedelta(minutes=minutes)
        late = [row for row in rows if row["last_ts"] < limit]
        excused = await without_power(tx, project_id, [row["id"] for row in late], limit, now)
        silent = tuple(
            SilentDevice(row["slug"], row["last_ts"]) for row in late if row["id"] not in excused
        )
        return SilentWindow(now, len(rows), silent)

    def evaluate(
        self,
        params: SilentParams,
        window: SilentWindow,
        priority: int,
        *,
        was_active: bool,
    ) -> Verdict:
        """Active while any device is silent; raised at the moment the first one ran over."""
        if not window.silent:
            return Verdict(False, window.at, priority)
        first = min(device.last_ts for device in window.silent)
        names = ", ".join(device.slug for device in window.silent[:3])
        return Verdict(
            True,
            first + timedelta(minutes=params.minutes),
            priority,
            {
                "devices": names,
                "count": len(window.silent),
                "minutes": params.minutes,
                "sinceAt": first.isoformat(),
            },
        )
