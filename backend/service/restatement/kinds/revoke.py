"""What was recorded was wrong: an event of a register, or all of a restatement, is taken back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from backend.aggregation.mapping import meters_of
from backend.aggregation.register_events import revoke_event
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import decode_id
from backend.service.restatement.kinds.base import Change, Touched, Writing, checked_span
from backend.service.restatement.kinds.exchange import ExchangeChange
from backend.service.restatement.kinds.exclude import ExcludeChange
from backend.service.restatement.kinds.mapping import MappingChange
from backend.service.restatement.kinds.ratio import RatioChange
from backend.service.restatement.kinds.stock import StockChange
from backend.service.restatement.rows import State, find_restatement

TAKEN_BACK: Final[dict[str, type[Change]]] = {
    kind.name: kind
    for kind in (RatioChange, ExchangeChange, ExcludeChange, MappingChange, StockChange)
}
"""Kinds that can be taken back; factors and shares are changed by another restatement."""


class RevokeChange(Change):
    """The event, or the restatement, that is taken back."""

    name = "revoke"
    event: Annotated[str, Field(pattern=r"^rev_[0-9a-z]{26}$")] | None = None
    restatement: Annotated[str, Field(pattern=r"^rst_[0-9a-z]{26}$")] | None = None

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer what the event or the restatement touched."""
        if (self.event is None) == (self.restatement is None):
            raise InvalidInput("restatement_field", field="event", problem="or restatement")
        if self.event is not None:
            return await _of_event(tx, project_id, self.event, now)
        change, before = await self._applied(tx, project_id)
        touched = await change.touched(tx, project_id, now)
        points = before.get("points")
        more = map(int, points) if isinstance(points, list) else ()
        return replace(touched, points=(*touched.points, *more))

    async def write(self, tx: WriteSession, project_id: int, writing: Writing) -> None:
        """Make it as if it had never been."""
        if self.event is not None:
            await revoke_event(tx, project_id, decode_id("rev", self.event), writing.now)
            return
        change, before = await self._applied(tx, project_id)
        await change.take_back(tx, project_id, before, writing)

    async def _applied(
        self, tx: ReadSession, project_id: int
    ) -> tuple[Change, Mapping[str, object]]:
        """Answer the change of the restatement and what it replaced.

        Raises NotFound, Conflict when it is not applied, InvalidInput when its kind or its age has
        nothing to put back.
        """
        row = await find_restatement(tx, project_id, decode_id("rst", self.restatement or ""))
        if row.state is not State.APPLIED:
            raise Conflict("restatement_not_applied", state=row.state.value)
        kind = TAKEN_BACK.get(row.kind)
        if kind is None or row.undo is None:
            raise InvalidInput("restatement_not_revocable", kind=row.kind)
        return kind.model_validate(row.change["params"]), row.undo


async def _of_event(tx: ReadSession, project_id: int, event: str, now: datetime) -> Touched:
    rows = await tx.fetch_tuples(
        "SELECT point_id, ts, until_ts FROM register_event WHERE project_id = %s AND uid = %s",
        (project_id, decode_id("rev", event)),
    )
    if not rows:
        raise NotFound(kind="rev")
    [(point, since, until)] = rows
    first, last = checked_span(since, until, now)
    meters = await meters_of(tx, project_id, [point])
    return Touched(tuple(meters), (), first, last, ())
