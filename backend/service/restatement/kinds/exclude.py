"""A spike or a stretch of readings is none: it is left out, and kept where it is."""

from datetime import datetime

from backend.aggregation.register_events import Kind, RegisterEvent
from backend.service.restatement.kinds.base import Moment
from backend.service.restatement.kinds.register import RegisterChange


class ExcludeChange(RegisterChange):
    """The readings of a meter in [since, until) do not count."""

    name = "exclude"
    since: Moment
    until: Moment

    @property
    def begins(self) -> datetime:
        """When it begins."""
        return self.since

    def event(self, point: int) -> RegisterEvent:
        """Answer the exclusion."""
        return RegisterEvent(point, Kind.EXCLUDE, self.since, until=self.until)
