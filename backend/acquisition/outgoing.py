"""What the platform sends to gateways on somebody's behalf, as rows that wait to be answered."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.acquisition.host import EdgeNode
from backend.core.db import IngestSession

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
