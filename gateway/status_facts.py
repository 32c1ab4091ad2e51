"""What the local status page tells of a gateway; ages in seconds, sizes in bytes. No secrets."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from gateway.contract.clock import Clock
from gateway.contract.lines import LineState
from gateway.installed import software_version
from gateway.journal import Journal
from gateway.pipeline import Pipeline
from gateway.site import Site
from gateway.standing import line_state
from gateway.traffic import Traffic


class DeviceFacts(msgspec.Struct, frozen=True):
    """One device; the age is that of its newest reported value, None = nothing so far."""

    slug: str
    alive: bool
    age_s: int | None


class JournalFacts(msgspec.Struct, frozen=True):
    """What waits for the platform, and what had to be given up."""

    records: int
    bytes: int
    dropped: int
    healthy: bool


class DataFacts(msgspec.Struct, frozen=True):
    """The month's data budget; limit 0 = none."""

    used: int
    forecast: int
    limit: int
    level: str


class Facts(msgspec.Struct, frozen=True):
    """Everything on the page."""

    project: str
    node: str
    software: str
    at: str
    online: bool
    contact_age_s: int | None
    """Since the platform last acknowledged; None = not since the start."""
    journal: JournalFacts
    data: DataFacts
    lines: list[LineState]
    devices: list[DeviceFacts]


class Link(Protocol):
    """The connection to the platform (gateway.publish.EdgeNode)."""

    @property
    def online(self) -> bool:
        """Whether there is a session with the broker."""
        ...

    @property
    def contact_s(self) -> float | None:
        """When the platform last acknowledged; None = never since the start."""
        ...


Gather = Callable[[], Facts]


def gatherer(
    name: tuple[str, str],
    parts: tuple[Site, Pipeline, Journal, Traffic],
    link: Link,
    clock: Clock,
) -> Gather:
    """Who answers the facts of a gateway, `name` being its project and node."""
    site, pipeline, journal, traffic = parts

    def gather() -> Facts:
        now, contact = clock.now(), link.contact_s
        now_ms = round(now.timestamp() * 1000)
        standing = journal.standing
        return Facts(
            *name,
            software_version(),
            now.isoformat(timespec="seconds"),
            link.online,
            None if contact is None else round(clock.monotonic() - contact),
            JournalFacts(
                standing.records + standing.waiting,
                standing.bytes,
                standing.dropped_total,
                standing.healthy,
            ),
            DataFacts(traffic.used, traffic.forecast, traffic.limit, traffic.level.name.lower()),
            [line_state(running) for running in site.lines.values()],
            _devices(pipeline.heard(), now_ms),
        )

    return gather


def _devices(heard: Sequence[tuple[str, bool, int]], now_ms: int) -> list[DeviceFacts]:
    return [
        DeviceFacts(slug, alive, max(0, now_ms - at_ms) // 1000 if at_ms else None)
        for slug, alive, at_ms in heard
    ]
