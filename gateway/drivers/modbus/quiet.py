"""Silence on an RTU bus: before every request, and long enough after one that nobody answered.

A late reply of the same unit, function and length looks like the answer to the next request. So a
unit that did not answer is not asked again before `LATE_S` seconds of listening have passed, and
what comes in that time is dropped. Other units are asked meanwhile: their replies differ in the
unit.

What this cannot tell: a reply that comes more than LATE_S after its time-out, while the same unit
is asked for the same number of registers.
"""

import time

from gateway.drivers.capabilities import LinkDown
from gateway.drivers.modbus.stream import ByteStream
from gateway.drivers.modbus.timing import SerialTiming

LATE_S = 1.0
"""A reply is never later than this after its time-out."""
CHATTER_S = 2.0
"""Seconds after which a bus that does not fall silent counts as broken."""


class Quiet:
    """Remembers when a bus last spoke and which units owe a reply."""

    def __init__(self, timing: SerialTiming) -> None:
        self._silence_s = timing.silence_s
        self._spoke = 0.0
        self._owed: dict[int, float] = {}
        """Unit -> the moment after which its late reply is not expected any more."""

    def heard(self) -> None:
        """Bytes came or went just now."""
        self._spoke = time.monotonic()

    def unanswered(self, unit: int) -> None:
        """A unit's reply did not come in time, or came damaged."""
        self._owed[unit] = time.monotonic() + LATE_S

    async def before(self, stream: ByteStream, unit: int) -> None:
        """Return when this unit may be asked: nothing waits to be read and the bus is silent."""
        if stream.flush_input():
            self.heard()
        give_up = 0.0
        while (wait_s := self._wait_s(unit)) > 0:
            if await stream.read(wait_s):
                self.heard()
                give_up = give_up or self._spoke + CHATTER_S + LATE_S
                if self._spoke > give_up:
                    raise LinkDown("the bus does not fall silent: something talks all the time")
        self._owed.pop(unit, None)

    def _wait_s(self, unit: int) -> float:
        return max(self._spoke + self._silence_s, self._owed.get(unit, 0.0)) - time.monotonic()
