"""What a gateway costs on a mobile link: bytes a month, their forecast, and thrift near the end.

Counted is what an operator bills: every MQTT packet in both directions with its TLS record and its
share of TCP/IP. The last is an estimate (the kernel decides on segments and acknowledgements); the
rest is exact. Months are calendar months of UTC that begin on the contract's day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

TLS_RECORD = 22
"""TLS 1.3: header 5, content type 1, authentication tag 16 bytes a record of at most 16 KiB."""
TLS_PLAIN = 16_384
TCP_SEGMENT = 1_400
TCP_BOTH_WAYS = 2 * 52
"""IPv4 and TCP headers with time stamps: one for a segment, one for its acknowledgement."""
SESSION_BYTES = {False: 800, True: 4_500}
"""By TLS: an estimate of TCP's own packets, CONNECT with its will, and the handshake of TLS 1.3
with a certificate of each side.
"""
ALARM_SHARE = 0.80
THRIFT_SHARE = 0.95
LAST_START_DAY = 28


class Level(IntEnum):
    """How the month's budget stands."""

    NORMAL = 0
    ALARM = 1
    """80 % are used: somebody should look."""
    THRIFT = 2
    """95 % are used: only registers at quarter hours and alarms are reported."""


def packet_bytes(body: int) -> int:
    """Bytes of an MQTT packet whose variable header and payload have so many."""
    return 2 + (body > 0x7F) + (body > 0x3FFF) + (body > 0x1FFFFF) + body


def wire_bytes(packet: int, *, tls: bool) -> int:
    """Bytes on the link for one MQTT packet that is sent alone."""
    records = -(-packet // TLS_PLAIN) if tls else 0
    size = packet + records * TLS_RECORD
    return size + -(-size // TCP_SEGMENT) * TCP_BOTH_WAYS


@dataclass(frozen=True, slots=True)
class Month:
    """One accounting month: [start, end)."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, now: datetime, start_day: int = 1) -> "Month":
        """The month that holds an instant; it begins on `start_day` (1 to 28) at 00:00 UTC."""
        now = now.astimezone(UTC)
        start = now.replace(day=start_day, hour=0, minute=0, second=0, microsecond=0)
        if start > now:
            start = (start.replace(day=1) - timedelta(days=1)).replace(day=start_day)
        following = (start.replace(day=LAST_START_DAY) + timedelta(days=4)).replace(day=start_day)
        return cls(start, following)


@dataclass(slots=True)
class Budget:
    """Bytes of the running month against a limit (0 = none); kept over restarts by its owner."""

    limit: int = 0
    start_day: int = 1
    tls: bool = True
    used: int = 0
    month_start: datetime | None = None

    def resume(self, used: int, month_start: datetime) -> None:
        """Go on from what was kept."""
        self.used, self.month_start = used, month_start

    def is_current(self, now: datetime) -> bool:
        """Whether the month that was counted still runs."""
        return Month.of(now, self.start_day).start == self.month_start

    def count(self, packet: int, now: datetime) -> None:
        """Count one MQTT packet of so many bytes, sent or received."""
        self.add(wire_bytes(packet, tls=self.tls), now)

    def add(self, size: int, now: datetime) -> None:
        """Count bytes on the link."""
        month = Month.of(now, self.start_day)
        if month.start != self.month_start:
            self.used, self.month_start = 0, month.start
        self.used += size

    def forecast(self, now: datetime) -> int:
        """Bytes at the month's end if the rest goes as it went so far; 0 before anything went."""
        month = Month.of(now, self.start_day)
        if month.start != self.month_start:
            return 0
        gone = max((now - month.start).total_seconds(), 3600.0)
        return round(self.used * (month.end - month.start).total_seconds() / gone)

    def level(self, now: datetime) -> Level:
        """How the budget stands."""
        if not self.limit or not self.is_current(now):
            return Level.NORMAL
        if self.used >= self.limit * THRIFT_SHARE:
            return Level.THRIFT
        return Level.ALARM if self.used >= self.limit * ALARM_SHARE else Level.NORMAL
