"""Restatements: what is proposed, what it would change, who decided, how far it is."""

import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from enum import Enum

import strawberry

from backend.application.graphql.context import (
    Door,
    KwInfo,
    asker_of,
    enter_project,
    enter_to,
    outside_uid,
)
from backend.application.graphql.moved import Moved, moved_rows
from backend.application.graphql.persons import Person
from backend.application.graphql.scalars import BigInt, Json
from backend.application.graphql.sources import Keep, Stream
from backend.application.restatements import find_row, list_rows, progress
from backend.core.ids import encode_id
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller
from backend.service.restatement import decide, rows
from backend.service.restatement.kinds.registry import KINDS
from backend.service.restatement.kinds.revoke import TAKEN_BACK
from backend.service.restatement.rows import Row, State

INTERVAL_S = 0.5


@strawberry.enum
class RestatementState(Enum):
    """How far a restatement is."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    APPLYING = "APPLYING"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


@strawberry.type
class RestatementKind:
    """A kind of change, and the JSON schema of what it needs."""

    name: str
    schema: Json


@strawberry.type
class Restatement:
    """A change with effect in the past; applied, it is a version of the accounts."""

    door: strawberry.Private[Door]
    row: strawberry.Private[Row]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("rst", self.row.uid))

    @strawberry.field
    def version(self) -> BigInt | None:
        """Its number once it is being applied; `asOf` of one less reads what was before."""
        return None if self.row.version is None else BigInt(self.row.version)

    @strawberry.field
    def state(self) -> RestatementState:
        return RestatementState[self.row.state.name]

    @strawberry.field
    def kind(self) -> str:
        """A kind of `restatementKinds`."""
        return self.row.kind

    @strawberry.field
    def params(self) -> Json:
        """What is changed, in the fields of its kind."""
        return Json(self.row.change["params"])

    @strawberry.field
    def reason(self) -> str:
        return self.row.reason

    @strawberry.field
    def start(self) -> datetime:
        """Accounts from here on may change."""
        return self.row.first_ts

    @strawberry.field
    def end(self) -> datetime:
        return self.row.last_ts

    @strawberry.field
    async def difference(self) -> list[Moved] | None:
        """What the dry run found, month by month; null until it has run."""
        if self.row.difference is None:
            return None
        return await moved_rows(self.door, self.row.difference)

    @strawberry.field
    async def proposed_by(self) -> Person | None:
        return await self._person(self.row.proposed_by)

    @strawberry.field
    def proposed_at(self) -> datetime:
        return self.row.proposed_at

    @strawberry.field
    async def decided_by(self) -> Person | None:
        return await self._person(self.row.decided_by)

    @strawberry.field
    def decided_at(self) -> datetime | None:
        return self.row.decided_at

    @strawberry.field
    def answer(self) -> str | None:
        """Why it was rejected."""
        return self.row.answer

    @strawberry.field
    def started_at(self) -> datetime | None:
        return self.row.started_at

    @strawberry.field
    def applied_at(self) -> datetime | None:
        return self.row.applied_at

    @strawberry.field
    async def progress(self) -> float:
        """How much is recomputed, 0 to 1; nobody sees any of it before all is."""
        return await progress(self.door, self.row)

    @strawberry.field
    def fault(self) -> Json | None:
        """Why it failed: `code` and `params` of a text under `errors.<code>`."""
        return None if self.row.fault is None else Json(self.row.fault)

    @strawberry.field
    async def may_approve(self, info: KwInfo) -> bool:
        """Whether the viewer may approve it now."""
        caller = info.context.signed_in()
        if Permission.APPROVE not in self.door.project.permissions:
            return False
        if self.row.state is not State.PROPOSED or not self.row.measured:
            return False
        if caller.person_id != self.row.proposed_by:
            return True
        return not await self.door.second_person.load(self.door.project.id)

    @strawberry.field
    def may_take_back(self) -> bool:
        """Whether a restatement of kind `revoke` can take it back as a whole."""
        return (
            self.row.state is State.APPLIED
            and self.row.kind in TAKEN_BACK
            and self.row.undo is not None
        )

    async def _person(self, number: int | None) -> Person | None:
        return None if number is None else await self.door.persons.load(number)


@strawberry.input
class ProposeRestatementInput:
    """A change as a person asks for it."""

    project: strawberry.ID
    kind: str = strawberry.field(description="A kind of `restatementKinds`.")
    params: Json = strawberry.field(description="What its JSON schema asks for.")
    reason: str


@strawberry.type
class RestatementMutation:
    """Proposing and deciding."""

    @strawberry.mutation
    async def propose_restatement(
        self,
        info: KwInfo,
        input: ProposeRestatementInput,  # noqa: A002 - what the schema calls it
    ) -> Restatement:
        """Propose a change; its difference follows, see `restatements` of Subscription."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        given = input.params if isinstance(input.params, Mapping) else {}
        return await propose(door, caller, input.kind, given, input.reason)

    @strawberry.mutation
    async def approve_restatement(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID
    ) -> Restatement:
        """Approve a change whose difference is known; a worker applies it at once."""
        door, asker = await enter_to(info.context, project, Permission.APPROVE)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            row = await decide.approve(tx, door.project.id, outside_uid("rst", id), asker, now)
        return Restatement(door=door, row=row)

    @strawberry.mutation
    async def reject_restatement(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID, reason: str
    ) -> Restatement:
        """Reject a change, or take one's own back."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        door.require(Permission.RESTATE)
        now = door.process.platform.clock.now()
        uid = outside_uid("rst", id)
        async with door.write() as tx:
            row = await rows.find_restatement(tx, door.project.id, uid)
            if row.proposed_by != caller.person_id:
                door.require(Permission.APPROVE)
            row = await decide.reject(tx, door.project.id, uid, reason, asker_of(caller), now)
        return Restatement(door=door, row=row)


async def propose(
    door: Door, caller: Caller, kind: str, given: Mapping[str, object], reason: str
) -> Restatement:
    """Propose a change."""
    door.require(Permission.RESTATE)
    now = door.process.platform.clock.now()
    async with door.write() as tx:
        row = await decide.propose(tx, door.project.id, kind, given, reason, asker_of(caller), now)
    return Restatement(door=door, row=row)


def kinds() -> list[RestatementKind]:
    """Answer every kind of change."""
    return [
        RestatementKind(name=name, schema=Json(kind.model_json_schema()))
        for name, kind in KINDS.items()
    ]


async def list_restatements(door: Door, first: int, before: str | None) -> list[Restatement]:
    """Answer restatements, newest first; older ones after the one `before`."""
    return [Restatement(door=door, row=row) for row in await list_rows(door, first, before)]


async def find_restatement(door: Door, id: str) -> Restatement | None:
    """Answer one; None when this project has none of that identity."""
    found = await find_row(door, id)
    return None if found is None else Restatement(door=door, row=found)


class RestatementSource:
    """Every restatement that got further, as it now is."""

    interval_s = INTERVAL_S
    keep = Keep.EVERY

    def __init__(self, door: Door) -> None:
        """Watch the project's events of restatements."""
        self.scope = ("restatements", *door.scope)
        self._door = door
        self._watch = door.process.news.watch(door.project.id, "restatement")

    async def wait(self) -> None:
        """Return when one got further."""
        await self._watch.bell.wait()

    async def full(self) -> list[Restatement]:
        """Nothing: whoever comes asks for the list."""
        return []

    async def changes(self) -> list[Restatement]:
        """Answer those that got further since the last call."""
        door = self._door.renewed()
        found = []
        async with self._door.read() as tx:
            for _, ref in self._watch.take():
                row = await rows.look_up(tx, door.project.id, uuid.UUID(ref))
                if row is not None:
                    found.append(Restatement(door=door, row=row))
        return found

    def close(self) -> None:
        """Nothing to let go: the watch ends with its last holder."""


@strawberry.type
class RestatementSubscription:
    """Restatements, pushed."""

    @strawberry.subscription
    async def restatements(
        self, info: KwInfo, project: strawberry.ID
    ) -> AsyncIterator[Restatement]:
        """Every restatement that got further, as it now is."""
        return Stream(RestatementSource(await enter_project(info.context, project)))
