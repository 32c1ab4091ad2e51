"""Telling all meters of a line the time, once a day: off unless the line's option asks for it.

Meters take a broadcast once a day, correct at most five minutes by it and none around midnight.
"""

from datetime import datetime, timedelta, timezone

from gateway.contract.clock import Clock
from gateway.drivers.dlt645.frame import BROADCAST_TIME, EVERY_METER, Frame, time_bytes

EVERY_S = 86_400
FIRST_PLAUSIBLE_YEAR = 2020
QUIET = timedelta(minutes=10)
"""How far from midnight the time is told; meters close their billing day there."""


class DailyTime:
    """When the time is told next; `offset` is what the meters' clocks are ahead of UTC."""

    def __init__(self, offset: timedelta, clock: Clock) -> None:
        self._zone = timezone(offset)
        self._clock = clock
        self._next = clock.monotonic()

    def due(self) -> bytes | None:
        """The broadcast when it is time for it, else None; nobody answers it."""
        if self._clock.monotonic() < self._next:
            return None
        local = self._clock.now().astimezone(self._zone)
        if local.year < FIRST_PLAUSIBLE_YEAR or not _is_quiet(local):
            return None
        self._next = self._clock.monotonic() + EVERY_S
        return Frame(EVERY_METER, BROADCAST_TIME, time_bytes(local)).encode()


def _is_quiet(local: datetime) -> bool:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return QUIET <= local - midnight <= timedelta(days=1) - QUIET
