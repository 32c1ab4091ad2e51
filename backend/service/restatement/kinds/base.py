"""What every kind of restatement offers: its parameters, what it touches, how it is written."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from backend.aggregation.calendar import quarter_of
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import decode_id


def _quarter(moment: datetime) -> datetime:
    if quarter_of(moment.astimezone(UTC)) != moment:
        raise ValueError("must be a quarter hour, such as 08:15")
    return moment


Moment = AwareDatetime
"""An instant with its offset."""
Quarter = Annotated[AwareDatetime, AfterValidator(_quarter)]
"""An instant at a quarter hour: nothing smaller is accounted."""
MeterId = Annotated[str, Field(pattern=r"^mtr_[0-9a-z]{26}$")]
NodeId = Annotated[str, Field(pattern=r"^node_[0-9a-z]{26}$")]


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change has an effect on: accounts of `meters`, of `nodes` and of those above them.

    In [first, last); `refs` are the outside identities of what a person would look at; `points` are
    registers that the meters have not been read from before.
    """

    meters: tuple[int, ...]
    nodes: tuple[int, ...]
    first: datetime
    last: datetime
    refs: tuple[str, ...]
    points: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Writing:
    """The restatement that a change is written for: its number, who proposed it, and when."""

    restatement_id: int
    person_id: int
    now: datetime
    reason: str


class Change(BaseModel, ABC):
    """One kind of change, with what a person fills in; the form is made from the JSON schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]

    @abstractmethod
    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer what the change has an effect on; InvalidInput or NotFound for what cannot be."""

    @abstractmethod
    async def write(
        self, tx: WriteSession, project_id: int, writing: Writing
    ) -> Mapping[str, object] | None:
        """Write the change and have its accounts recomputed; answer what taking it back needs.

        Nothing is told and nothing audited here: a trial writes too and is rolled back.
        """

    async def take_back(
        self, tx: WriteSession, project_id: int, before: Mapping[str, object], writing: Writing
    ) -> None:
        """Put back what `write` replaced, which it answered as `before`. Conflict if it cannot.

        InvalidInput for kinds that are changed by another restatement instead.
        """
        raise InvalidInput("restatement_not_revocable", kind=self.name)


async def find_meter(tx: ReadSession, project_id: int, text: str) -> int:
    """Answer a meter by its outside identity. Raises NotFound."""
    found = await tx.fetch_value(
        "SELECT id FROM meter WHERE project_id = %s AND uid = %s",
        (project_id, decode_id("mtr", text)),
        into=int,
    )
    if found is None:
        raise NotFound(kind="meter")
    return found


async def find_node(tx: ReadSession, project_id: int, text: str) -> int:
    """Answer a node by its outside identity. Raises NotFound."""
    uid = decode_id("node", text)
    found = await tx.fetch_value(
        "SELECT id FROM node WHERE project_id = %s AND uid = %s", (project_id, uid), into=int
    )
    if found is None:
        raise NotFound(kind="node")
    return found


def checked_span(
    first: datetime, last: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """Answer the span of a change that has an effect in the past. Raises InvalidInput."""
    if first >= now:
        raise InvalidInput("restatement_future", at=first.isoformat())
    if last is not None and last <= first:
        raise InvalidInput("restatement_span", first=first.isoformat(), last=last.isoformat())
    return first, now if last is None else min(last, now)
