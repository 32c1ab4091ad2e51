"""What a gateway says of itself now and then: how its lines do, how much waits in its journal.

It is said at most once a minute and only when it is news, because a mobile link costs money:
a connection or a device that came or went, a load that moved by a tenth, a backlog that grew or
shrank to another power of two, another twentieth of the data budget.
"""

import time
from collections.abc import Callable

from gateway.contract import topics
from gateway.contract.lines import LineState, encode_lines
from gateway.contract.sparkplug import Datatype, Metric
from gateway.installed import software_version
from gateway.journal import Journal
from gateway.poll import LinePoller
from gateway.site import Running, Site
from gateway.traffic import MB, Traffic

EVERY_S = 60.0
LOAD_STEP = 10
BACKLOG_STEP = 100
"""Records that are nothing to speak of."""
DATA_STEPS = 20
"""News of the data budget: another part of so many, or without one another power of two of MB."""

Mark = tuple[tuple[tuple[str, int, int, bool, int], ...], int, tuple[int, int]]


class Standing:
    """Says it for one gateway."""

    def __init__(
        self,
        site: Site,
        journal: Journal,
        traffic: Traffic,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monotonic` answers seconds."""
        self._site = site
        self._journal = journal
        self._traffic = traffic
        self._monotonic = monotonic
        self._said: Mark | None = None
        self._not_before = monotonic()

    def declared(self, now_ms: int) -> tuple[Metric, ...]:
        """What the NBIRTH says: the software too."""
        self._not_before = self._monotonic() + EVERY_S
        software = Metric(topics.EXT_SOFTWARE, None, Datatype.STRING, software_version(), now_ms)
        return (software, *self._metrics(now_ms))

    def news(self, now_ms: int) -> tuple[Metric, ...]:
        """What is to be said now; nothing most of the time."""
        if self._monotonic() < self._not_before or self._mark() == self._said:
            return ()
        self._not_before = self._monotonic() + EVERY_S
        return self._metrics(now_ms)

    def _metrics(self, now_ms: int) -> tuple[Metric, ...]:
        self._said = self._mark()
        lines = encode_lines([line_state(running) for running in self._site.lines.values()])
        backlog = self._journal.standing.records
        return (
            Metric(topics.EXT_LINES, None, Datatype.STRING, lines, now_ms),
            Metric(topics.EXT_BACKLOG, None, Datatype.INT64, backlog, now_ms),
            *(
                Metric(name, None, Datatype.INT64, size, now_ms)
                for name, size in (
                    (topics.EXT_DATA_BYTES, self._traffic.used),
                    (topics.EXT_DATA_FORECAST, self._traffic.forecast),
                    (topics.EXT_DATA_BUDGET, self._traffic.limit),
                )
            ),
        )

    def _mark(self) -> Mark:
        """What must differ to be news."""
        states = (line_state(running) for running in self._site.lines.values())
        lines = tuple(
            (one.name, one.devices, one.alive, one.connected, (one.busy or 0) // LOAD_STEP)
            for one in states
        )
        used, limit = self._traffic.used, self._traffic.limit
        data = used * DATA_STEPS // limit if limit else (used // MB).bit_length()
        return lines, (self._journal.standing.records // BACKLOG_STEP).bit_length(), (limit, data)


def line_state(running: Running) -> LineState:
    """How a line does at this moment."""
    name, server = str(running.plan.address), running.served.server
    if isinstance(server, LinePoller):
        standing = server.standing
        devices = standing.devices
        return LineState(
            name,
            len(devices),
            sum(one.alive for one in devices),
            standing.connected,
            round(standing.busy * 100),
            sum(one.late for one in devices),
            sum(one.failed for one in devices),
        )
    alive = sum(one.alive for one in server.devices)
    return LineState(name, len(server.devices), alive, alive > 0)
