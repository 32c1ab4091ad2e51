"""How far the clocks of meters are off: read now and then, never corrected, shown as a point.

Tariffs, demand periods and billing days inside a meter follow its own clock. A drift is the meter's
time minus the gateway's at the middle of the read, in seconds; positive = the meter is ahead.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from gateway.computed import computed_point
from gateway.contract.clock import Clock
from gateway.contract.profile import Deadband, Kind
from gateway.contract.registers import Datatype
from gateway.drivers.capabilities import DriverFault, KeepsTime

log = logging.getLogger(__name__)

FIRST_LOOK_S = 1.0
"""How long after a device was taken in, or was seen to be away, its clock is thought of."""
EVERY_S = 3600.0
MOST_DRIFT_S = 60.0
"""Seconds off above which somebody is told."""
FIRST_COST_S = 0.5
"""Seconds that a read is taken to need before one was made."""
DRIFT = computed_point(
    "clock_drift", "s", Kind.GAUGE, Datatype.FLOAT32, Deadband(), max_gap_s=round(3 * EVERY_S)
)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a clock: when (UTC), and the drift in seconds; None = no time was told."""

    at_ms: int
    drift_s: float | None


@dataclass(slots=True)
class ClockWatch:
    """Looks at the clock of one meter; `offset` is how far its zone is ahead of UTC."""

    slug: str
    meter: KeepsTime
    offset: timedelta
    _off: bool = False
    _mute: bool = False

    async def look(self, clock: Clock) -> Look:
        """Read the clock; DriverFault when the device does not tell it."""
        begun = clock.now()
        told = await self.meter.clock()
        middle = begun + (clock.now() - begun) / 2
        drift = drift_s(told, self.offset, middle)
        self._mute = False
        self._judge(drift)
        return Look(round(middle.timestamp() * 1000), drift)

    def failed(self, fault: DriverFault, clock: Clock) -> Look:
        """A look that told nothing; why is said once."""
        if not self._mute:
            self._mute = True
            log.warning(
                "%s does not tell its time: %s. It is asked again in an hour; "
                "take clock_offset out where the meter has no clock.",
                self.slug,
                fault,
            )
        return Look(round(clock.now().timestamp() * 1000), None)

    def _judge(self, drift: float) -> None:
        off = abs(drift) > MOST_DRIFT_S
        if off and not self._off:
            log.warning(
                "the clock of %s is %.0f s %s: its tariffs and billing days are off as well. Set "
                "it, or correct clock_offset if it runs in another zone.",
                self.slug,
                abs(drift),
                "ahead" if drift > 0 else "behind",
            )
        self._off = off


def drift_s(told: datetime, offset: timedelta, now: datetime) -> float:
    """Seconds that a meter's own wall time (without zone) is ahead of `now`, to a tenth."""
    return round((told.replace(tzinfo=timezone(offset)) - now.astimezone(UTC)).total_seconds(), 1)
