"""What changes of one register have in common: an event that is recorded of it."""

from abc import abstractmethod
from dataclasses import replace
from datetime import datetime

from backend.aggregation.register_events import RegisterEvent, record_event
from backend.core.db import ReadSession, WriteSession
from backend.service.restatement.kinds.base import (
    Change,
    MeterId,
    Touched,
    Writing,
    checked_span,
    find_register,
)


class RegisterChange(Change):
    """A change that an event of a meter's register says."""

    meter: MeterId

    @abstractmethod
    def event(self, point: int) -> RegisterEvent:
        """Answer the event of the register's point. Raises InvalidInput for what cannot be."""

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer the meters on the register."""
        meter, point = await find_register(tx, project_id, self.meter)
        event = self.event(point)
        first, last = checked_span(event.ts, event.until, now)
        return Touched((meter.id,), (), first, last, (self.meter,))

    async def write(self, tx: WriteSession, project_id: int, writing: Writing) -> None:
        """Record the event."""
        _, point = await find_register(tx, project_id, self.meter)
        event = replace(self.event(point), note=writing.reason, restatement=writing.restatement_id)
        await record_event(tx, project_id, event, writing.now, writing.person_id)
