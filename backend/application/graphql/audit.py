"""The audit of a project as its administrators read it."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.persons import Person, person_with, persons_by_id
from backend.application.lengths import list_length
from backend.core import audit
from backend.service.people.roles import Permission

MOST = 200


@strawberry.type
class AuditEntry:
    """Who did what, when, with what result; never changed."""

    number: int
    at: datetime
    person: Person | None
    actor: str = strawberry.field(description="The person's id, or what else acted.")
    action: str
    ref: str = strawberry.field(description="What it was about: a command, a document.")
    old: str | None = strawberry.field(description="JSON of what was, as far as known.")
    new: str | None = strawberry.field(description="JSON of what was wanted or is now.")
    result: str


@strawberry.input
class AuditFilter:
    """Which entries are asked for; what is left out is not asked about."""

    person: str | None = strawberry.field(default=None, description="Login of who did it.")
    thing: str | None = strawberry.field(
        default=None, description="What it was about: the `ref` of the entry."
    )
    action: str | None = strawberry.field(
        default=None, description="How the action begins: `key.` is everything about keys."
    )
    start: datetime | None = None
    end: datetime | None = None


async def read_audit(
    door: Door, first: int, before: int | None, chosen: AuditFilter | None
) -> list[AuditEntry]:
    """Answer entries, newest first; at most `MOST`."""
    door.require(Permission.AUDIT)
    list_length(first, MOST)
    asked = chosen or AuditFilter()
    person = None
    if asked.person is not None:
        person = await person_with(door.process.platform.database, asked.person)
        if person is None:
            return []
    wanted = audit.Chosen(before, person, asked.thing, asked.action, asked.start, asked.end)
    async with door.read() as tx:
        entries = await audit.newest(tx, door.project.id, wanted, first)
    ids = sorted({entry.person_id for entry in entries if entry.person_id is not None})
    found = await persons_by_id(door.process.platform.database, door.project.id, ids)
    persons = dict(zip(ids, found, strict=True))
    return [
        AuditEntry(
            number=entry.number,
            at=entry.at,
            person=persons.get(entry.person_id or 0),
            actor=entry.actor,
            action=entry.action,
            ref=entry.ref,
            old=entry.old,
            new=entry.new,
            result=entry.result,
        )
        for entry in entries
    ]


async def audit_broken_at(door: Door) -> int | None:
    """Answer the first entry that was tampered with; None when all are whole."""
    door.require(Permission.AUDIT)
    async with door.read() as tx:
        return await audit.broken(tx, door.project.id)
