"""What the platform sends to gateways on somebody's behalf, as rows that wait to be answered."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from backend.acquisition.host import EdgeNode
from backend.acquisition.window import milliseconds
from backend.core.db import IngestSession
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode

AGAIN = timedelta(seconds=10)
"""How long an answer is waited for before something is sent again."""

Held = Mapping[tuple[int, int], EdgeNode]
"""(project_id, gateway_id) of the gateways that a worker holds."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, and what is written down once it was handed to the broker."""

    topic: str
    payload: bytes
    sent: Callable[[IngestSession, datetime], Awaitable[None]]


Source = Callable[[IngestSession, Held, datetime], Awaitable[Sequence[Outgoing]]]
"""Answers what of its kind is to be sent now to the gateways held."""


def held_columns(held: Held) -> dict[str, list[int]]:
    """Answer the gateways as two columns for `unnest`."""
    return {
        "projects": [project for project, _ in held],
        "gateways": [gateway for _, gateway in held],
    }


class Waiting(Protocol):
    """A row that waits to be sent to a gateway, and what it says there."""

    @property
    def project_id(self) -> int:
        """Whose it is."""
        ...

    @property
    def gateway_id(self) -> int:
        """Where it goes."""
        ...

    def metric(self) -> tuple[str, str]:
        """Answer the metric's name and its text."""
        ...

    async def sent(self, tx: IngestSession, now: datetime) -> None:
        """Write down that it was handed to the broker."""
        ...


W = TypeVar("W", bound=Waiting)


async def outgoing(
    tx: IngestSession, held: Held, now: datetime, statement: str, row_type: type[W]
) -> Sequence[Outgoing]:
    """Answer what `statement` finds for our own gateways that are online; third parties get none.

    It reads from the columns of `held_columns`, rows that were not sent since `again`.
    """
    ours = {key: node for key, node in held.items() if node.online and node.has_journal}
    columns = {**held_columns(ours), "again": now - AGAIN}
    at_ms, found = milliseconds(now), []
    for row in await tx.fetch_all(statement, columns, into=row_type):
        name, text = row.metric()
        metric = Metric(name, datatype=Datatype.STRING, value=text, timestamp=at_ms)
        topic = ours[row.project_id, row.gateway_id].command_topic
        found.append(Outgoing(topic, encode(Payload(at_ms, (metric,))), row.sent))
    return found
