"""The newest time a gateway knows, for boxes whose clock starts in 1970.

A box without a battery for its clock cannot tell whether the platform's certificate has begun or
ended. What it can know is a lower bound: the day this version was made, and the last time that the
platform told, kept in a file. A clock that stands before that is wrong. Then, and only then:

- chain and name of the server are checked as ever;
- a certificate that ended before the newest known time is refused;
- one that might have ended since is let pass, at most `UNKNOWN_MAX` connections long, until the
  platform has told the time. From then on both ends of the validity are checked with that time.

The number is kept in the file too, so that a restart does not begin anew.
"""

import json
import logging
import os
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.contract.clock import Clock

log = logging.getLogger(__name__)

BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this day nobody ran this version; it moves on with releases."""
TOLERANCE = timedelta(days=1)
"""A clock may be so much behind the newest known time and is believed all the same."""
UNKNOWN_MAX = 50
"""Connections that are made without knowing the time; normally the first one tells it."""
KEEP_EVERY = timedelta(hours=1)


class TimeUnknown(ssl.SSLError):
    """Too many connections and still nobody told the time."""

    def __init__(self, sentence: str) -> None:
        super().__init__(1, sentence)


class KnownTime:
    """What a gateway knows about the time; `file` = None keeps nothing."""

    def __init__(
        self,
        file: Path | None,
        clock: Clock,
        *,
        learns: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the machine's real clock. `learns` is off where the platform's is accelerated."""
        self._file = file
        self._clock = clock
        self._learns = learns
        self._monotonic = monotonic
        self._learnt: tuple[datetime, float] | None = None
        self._newest, self._connections = _read(file)

    @property
    def newest(self) -> datetime:
        """The newest time that is certain to have passed."""
        return self._newest

    @property
    def connections(self) -> int:
        """Connections made without knowing the time, since it was known last."""
        return self._connections

    @property
    def clock_is_believed(self) -> bool:
        """Whether the machine's clock can be right."""
        return self._clock.now() >= self._newest - TOLERANCE

    @property
    def is_known(self) -> bool:
        """Whether the time is known, by the clock or because the platform told it."""
        return self.clock_is_believed or self._learnt is not None

    def now(self) -> datetime:
        """The best there is: the clock, else what the platform told, else the newest known."""
        if self.clock_is_believed:
            return self._clock.now()
        if self._learnt is not None:
            at, since = self._learnt
            return at + timedelta(seconds=self._monotonic() - since)
        return self._newest

    def learn(self, at: datetime) -> None:
        """The platform told the time, over a connection that was checked."""
        if not self._learns:
            return
        self._learnt = (at, self._monotonic())
        kept = abs(at - self._newest) < KEEP_EVERY and not self._connections
        if kept:
            return
        self._newest, self._connections = max(at, BUILT), 0
        self._keep()

    def spend(self) -> None:
        """Count a connection made without knowing the time; TimeUnknown after too many."""
        if self._connections >= UNKNOWN_MAX:
            raise TimeUnknown(
                f"the clock says {self._clock.now():%Y-%m-%d}, and {UNKNOWN_MAX} connections "
                f"brought no better time. Set the clock or start time synchronisation (NTP)"
            )
        self._connections += 1
        self._keep()

    def _keep(self) -> None:
        if self._file is None:
            return
        content = {"newest": self._newest.isoformat(), "connections": self._connections}
        fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(content), encoding="ascii")
            fresh.replace(self._file)
        except OSError as error:
            log.warning("the known time cannot be kept in %s: %s", self._file, error)


def _read(file: Path | None) -> tuple[datetime, int]:
    try:
        content = json.loads(file.read_text(encoding="ascii")) if file is not None else {}
        newest = datetime.fromisoformat(content["newest"])
        return max(newest, BUILT), int(content["connections"])
    except (OSError, ValueError, KeyError, TypeError):
        return BUILT, 0
