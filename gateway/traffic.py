"""What the link to the platform carried, against the month's budget; thrift when it runs out.

The count lives in the journal's file, so a restart goes on where the last minute ended.
"""

import logging
import sqlite3
from datetime import UTC, datetime
from typing import Protocol

from gateway.budget import SESSION_BYTES, Budget, Level
from gateway.config import GatewayConfig
from gateway.contract.clock import Clock
from gateway.journal import Journal
from gateway.journal_file import JournalFault, read_meta, write_meta

log = logging.getLogger(__name__)

KEEP_EVERY_S = 60.0
USED, MONTH = "data_used", "data_month"
"""Keys in the journal's `meta`: bytes, and Unix seconds of the month's beginning."""
SENTENCES = {
    Level.NORMAL: "a new month of the data budget: everything is reported again",
    Level.ALARM: "80 %% of the month's data budget are used (%.1f of %.1f MB)",
    Level.THRIFT: "95 %% of the month's data budget are used (%.1f of %.1f MB): only registers at "
    "quarter hours and alarms are reported until the month ends. Raise data_budget, or report less "
    "often",
}
MB = 1_000_000


class Thrifty(Protocol):
    """Who can report less (gateway.pipeline.Pipeline)."""

    def be_thrifty(self, *, thrifty: bool) -> None:
        """Report only registers at quarter hours and alarms, or everything again."""
        ...


class Traffic:
    """Counts for one gateway; `begin` once, then `run` until cancelled, `keep` at the end."""

    def __init__(self, journal: Journal, clock: Clock, reports: Thrifty) -> None:
        """There is no limit before `apply`."""
        self._journal = journal
        self._clock = clock
        self._reports = reports
        self._budget = Budget()
        self._level = Level.NORMAL

    @property
    def used(self) -> int:
        """Bytes of the running month."""
        return self._budget.used if self._budget.is_current(self._clock.now()) else 0

    @property
    def forecast(self) -> int:
        """Bytes at the month's end if the rest goes as it went so far."""
        return self._budget.forecast(self._clock.now())

    @property
    def limit(self) -> int:
        """Bytes a month; 0 = no limit."""
        return self._budget.limit

    @property
    def level(self) -> Level:
        """How the budget stood at the last look."""
        return self._level

    def apply(self, config: GatewayConfig) -> None:
        """Take limit, first day of the month and kind of link from a configuration."""
        self._budget.limit = config.data_limit
        self._budget.start_day = config.data_start_day
        self._budget.tls = config.broker.tls
        self.look()

    def moved(self, packet: int) -> None:
        """An MQTT packet of so many bytes was sent or received."""
        self._budget.count(packet, self._clock.now())

    def connected(self) -> None:
        """A connection was made: TCP, TLS and CONNECT cost a little each time."""
        self._budget.add(SESSION_BYTES[self._budget.tls], self._clock.now())

    def look(self) -> None:
        """Be as thrifty as the budget asks, and say when that changes."""
        level = self._budget.level(self._clock.now())
        if level is self._level:
            return
        self._level = level
        say = log.info if level is Level.NORMAL else log.warning
        figures = () if level is Level.NORMAL else (self.used / MB, self.limit / MB)
        say(SENTENCES[level], *figures)
        self._reports.be_thrifty(thrifty=level is Level.THRIFT)

    async def begin(self) -> None:
        """Go on from what was kept."""

        def read(connection: sqlite3.Connection) -> tuple[int, int]:
            return read_meta(connection, USED, 0), read_meta(connection, MONTH, 0)

        used, month = await self._journal.ask(read)
        if month:
            self._budget.resume(used, datetime.fromtimestamp(month, UTC))
        self.look()

    async def run(self) -> None:
        """Look at the budget and keep the count each minute."""
        while True:
            await self._clock.sleep(KEEP_EVERY_S)
            self.look()
            await self.keep()

    async def keep(self) -> None:
        """Write the count into the journal's file; a disk that is full loses a minute at most."""
        month = self._budget.month_start
        if month is None:
            return
        used, start = self._budget.used, round(month.timestamp())

        def write(connection: sqlite3.Connection) -> None:
            write_meta(connection, USED, used)
            write_meta(connection, MONTH, start)

        try:
            await self._journal.ask(write)
        except JournalFault as fault:
            log.warning("%s; the data count waits.", fault)
