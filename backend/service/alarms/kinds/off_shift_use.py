"""Use outside shift hours: power above a limit while nobody works at the node (domain.md 6.3).

Shifts are the node's or those of the nearest node above that has any. Rationing and maintenance
raise nothing (work is moved, equipment is tried out); a stop and rest do: use there is waste.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict
from backend.service.calendar.duty import at_work


class OffShiftParams(Params):
    """Limit in kW and how long it must be exceeded; cleared below `clear_ratio` of the limit."""

    limit_kw: float = Field(gt=0)
    minutes: int = Field(default=30, ge=1, le=240)
    clear_ratio: float = Field(default=0.9, gt=0, le=1)


@dataclass(frozen=True, slots=True)
class OffShiftWindow:
    """Lowest and newest power (kW) over the trailing minutes, and whether somebody worked then."""

    at: datetime
    in_shift: bool
    covered: bool
    lowest_kw: float
    newest_kw: float


class OffShiftUse:
    """Evaluates `off_shift_use`."""

    name = "off_shift_use"
    params = OffShiftParams
    pace_s = 30.0

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> OffShiftWindow | None:
        """Read the power of the node's meters over the trailing minutes, and who worked in them."""
        if definition.node_id is None:
            return None
        minutes = OffShiftParams.model_validate(definition.params).minutes
        since = now - timedelta(minutes=minutes)
        row = await tx.fetch_one(
            _WINDOW_SQL,
            {"project": project_id, "node": definition.node_id, "since": since, "now": now},
        )
        if row is None or row["newest_at"] is None:
            return None
        return OffShiftWindow(
            at=row["newest_at"],
            in_shift=await at_work(tx, project_id, definition.node_id, since, now),
            covered=row["covered"],
            lowest_kw=row["lowest"],
            newest_kw=row["newest"],
        )

    def evaluate(
        self, params: OffShiftParams, window: OffShiftWindow, priority: int, *, was_active: bool
    ) -> Verdict:
        """Active when every minute was off shift and above the limit; clears in shift or below."""
        numbers: dict[str, float | int | str] = {
            "valueKw": round(window.newest_kw, 1),
            "limitKw": params.limit_kw,
            "minutes": params.minutes,
        }
        if was_active:
            holds = not window.in_shift and window.newest_kw >= params.limit_kw * params.clear_ratio
            return Verdict(holds, window.at, priority, numbers)
        raised = not window.in_shift and window.covered and window.lowest_kw > params.limit_kw
        return Verdict(raised, window.at, priority, numbers)


# A node's power at a minute is the sum of its meters' newest samples at that minute; a meter
# without a sample in the window counts with the sample before it (report by exception), at most
# an hour old.
_WINDOW_SQL = """
WITH points AS (
    SELECT p.id AS point_id, nm.coefficient
    FROM node_meter nm
    JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id
    JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
                AND p.name = m.power_name
    WHERE nm.project_id = %(project)s AND nm.node_id = %(node)s AND p.unit = 'kW'
      AND nm.valid_from <= %(now)s AND (nm.valid_to IS NULL OR nm.valid_to > %(now)s)
), minutes AS (
    SELECT generate_series(%(since)s::timestamptz, %(now)s::timestamptz, interval '1 minute') AS at
), power AS (
    SELECT minutes.at, sum(points.coefficient * sample.value) AS kw,
           count(sample.value) = count(*) AS complete, max(sample.ts) AS newest_at
    FROM minutes
    CROSS JOIN points
    LEFT JOIN LATERAL (
        SELECT r.value, r.ts FROM reading r
        WHERE r.project_id = %(project)s AND r.point_id = points.point_id
          AND r.ts <= minutes.at AND r.ts > minutes.at - interval '1 hour'
        ORDER BY r.ts DESC LIMIT 1
    ) sample ON true
    GROUP BY minutes.at
)
SELECT bool_and(complete) AS covered,
       min(kw) FILTER (WHERE complete) AS lowest,
       (array_agg(kw ORDER BY at DESC) FILTER (WHERE complete))[1] AS newest,
       max(newest_at) AS newest_at
FROM power
HAVING count(*) FILTER (WHERE complete) > 0
"""
