"""The outgoing window: which journal records are on their way, and which to send (again) next.

Live records go out as they are written. Everything else - what was written while the link was cut
and what was not acknowledged in time - follows oldest first, at most `size` on the way at once.
"""

from collections.abc import Iterable, Sequence

from gateway.journal import Record

MAX_LIVE = 20_000
"""Live records watched for an acknowledgement; beyond, the backlog alone takes care of them."""


class OutgoingWindow:
    """Knows only numbers and times (monotonic seconds); the journal keeps the content."""

    def __init__(self, size: int = 1000, timeout_s: float = 10.0) -> None:
        self._size = size
        self._timeout_s = timeout_s
        self._live: dict[int, float] = {}
        self._backlog: dict[int, float] = {}
        self._cursor = 0

    @property
    def on_the_way(self) -> int:
        """Records sent and not yet acknowledged."""
        return len(self._live) + len(self._backlog)

    def reset(self) -> None:
        """A new connection: nothing is on the way, everything unacknowledged is to be sent."""
        self._live.clear()
        self._backlog.clear()
        self._cursor = 0

    def sent_live(self, rec: int, now: float) -> None:
        """A fresh record went out."""
        if len(self._live) < MAX_LIVE:
            self._live[rec] = now
        if self._cursor == rec - 1:
            self._cursor = rec

    def acknowledge(self, ranges: Iterable[tuple[int, int]]) -> None:
        """These closed ranges are in the platform's database."""
        for low, high in ranges:
            for sent in (self._live, self._backlog):
                if high - low < len(sent):
                    for rec in range(low, high + 1):
                        sent.pop(rec, None)
                else:
                    for rec in [rec for rec in sent if low <= rec <= high]:
                        del sent[rec]

    def wanted(self, now: float, last: int) -> tuple[int, int] | None:
        """(after, how many) of the journal's records to look at next; None = nothing to do.

        `last` is the highest number the journal has given.
        """
        self._expire(now)
        room = self._size - len(self._backlog)
        return (self._cursor, room) if room > 0 and self._cursor < last else None

    def take(self, records: Sequence[Record], now: float) -> list[Record]:
        """Of the records looked at, those to send now; they count as sent."""
        chosen = []
        for record in records:
            if record.rec not in self._live and record.rec not in self._backlog:
                self._backlog[record.rec] = now
                chosen.append(record)
        if records:
            self._cursor = max(self._cursor, records[-1].rec)
        return chosen

    def _expire(self, now: float) -> None:
        for sent in (self._live, self._backlog):
            late = []
            for rec, at in sent.items():
                if now - at < self._timeout_s:
                    break
                late.append(rec)
            for rec in late:
                del sent[rec]
                self._cursor = min(self._cursor, rec - 1)
