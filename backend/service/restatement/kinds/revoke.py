"""What was recorded of a register was wrong: an exchange, a ratio or an exclusion is taken back."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from backend.aggregation.mapping import meters_of
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
            "SELECT point_id, ts, until_ts FROM register_event WHERE project_id = %s AND uid = %s",
            (project_id, decode_id("rev", self.event)),
        )
        if not rows:
            raise NotFound(kind="rev")
        [(point, since, until)] = rows
        first, last = checked_span(since, until, now)
        meters = await meters_of(tx, project_id, [point])
        return Touched(tuple(meters), (), first, last, ())

    async def write(self, tx: WriteSession, project_id: int, writing: Writing) -> None:
        """Make the event as if it had never been."""
        await revoke_event(tx, project_id, decode_id("rev", self.event), writing.now)
