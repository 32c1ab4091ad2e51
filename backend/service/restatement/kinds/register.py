"""What changes of one register have in common: an event that is recorded of it."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from backend.aggregation.mapping import point_at
from backend.aggregation.register_events import RegisterEvent, record_event, revoke_event
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput
from backend.service.restatement.kinds.base import (
    Change,
    MeterId,
    Touched,
    Writing,
    checked_span,
    find_meter,
)


class RegisterChange(Change):
    """A change that an event says of what a meter was read from when it begins."""

    meter: MeterId

    @property
    @abstractmethod
    def begins(self) -> datetime:
        """When the event begins."""

    @abstractmethod
    def event(self, point: int) -> RegisterEvent:
        """Answer the event of the register's point. Raises InvalidInput for what cannot be."""

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer the meter."""
        meter, point = await self._read_from(tx, project_id)
        event = self.event(point)
        first, last = checked_span(event.ts, event.until, now)
        return Touched((meter,), (), first, last, (self.meter,))

    async def write(
        self, tx: WriteSession, project_id: int, writing: Writing
    ) -> Mapping[str, object]:
        """Record the event; answer its identity."""
        _, point = await self._read_from(tx, project_id)
        event = replace(self.event(point), note=writing.reason, restatement=writing.restatement_id)
        made = await record_event(tx, project_id, event, writing.now, writing.person_id)
        return {"event": str(made.uid)}

    async def take_back(
        self, tx: WriteSession, project_id: int, before: Mapping[str, object], writing: Writing
    ) -> None:
        """Make the event as if it had never been. Conflict when that was done."""
        await revoke_event(tx, project_id, UUID(str(before["event"])), writing.now)

    async def _read_from(self, tx: ReadSession, project_id: int) -> tuple[int, int]:
        """Answer the meter and the point it was read from then. Raises InvalidInput, NotFound."""
        meter = await find_meter(tx, project_id, self.meter)
        point = await point_at(tx, project_id, meter, self.begins)
        if point is None:
            raise InvalidInput("restatement_no_register", meter=self.meter)
        return meter, point
