"""What was recorded of a register was wrong: an exchange, a ratio or an exclusion is taken back."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from backend.aggregation.register_events import revoke_event
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import NotFound
from backend.core.ids import decode_id
from backend.service.restatement.kinds.base import Change, Touched, Writing, checked_span


class RevokeChange(Change):
    """The event that is taken back."""

    name = "revoke"
    event: Annotated[str, Field(pattern=r"^rev_[0-9a-z]{26}$")]

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer the meters on the event's register."""
        rows = await tx.fetch_tuples(
            "SELECT e.ts, e.until_ts, array_agg(m.id) FILTER (WHERE m.id IS NOT NULL)"
            " FROM register_event e"
            " LEFT JOIN point p ON p.project_id = %(project)s AND p.id = e.point_id"
            " LEFT JOIN meter m ON m.project_id = %(project)s AND (m.point_id = p.id"
            " OR (m.device_id = p.device_id AND m.register_name = p.name))"
            " WHERE e.project_id = %(project)s AND e.uid = %(uid)s GROUP BY e.ts, e.until_ts",
            {"project": project_id, "uid": decode_id("rev", self.event)},
        )
        if not rows:
            raise NotFound(kind="rev")
        [(since, until, meters)] = rows
        first, last = checked_span(since, until, now)
        return Touched(tuple(sorted(meters or ())), (), first, last, ())

    async def write(self, tx: WriteSession, project_id: int, writing: Writing) -> None:
        """Make the event as if it had never been."""
        await revoke_event(tx, project_id, decode_id("rev", self.event), writing.now)
