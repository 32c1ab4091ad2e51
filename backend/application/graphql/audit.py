"""The audit of a project as its administrators read it."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.persons import Person, person_with, persons_by_id
from backend.application.graphql.scalars import BigInt
from backend.application.lengths import list_length
from backend.core import audit
from backend.service.audit.chain import judge
from backend.service.audit.months import kept_months
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


@strawberry.type
class AuditMonth:
    """A month of the audit that was moved out of the database into a file, fetched at
    `/api/v1/audit/months/{month}`.
    """

    month: str = strawberry.field(description="The month, of UTC: 2024-05.")
    first: BigInt = strawberry.field(description="Number of its first entry.")
    last: BigInt = strawberry.field(description="Number of its last entry.")
    bytes: BigInt = strawberry.field(description="How long the file is, packed.")
    sha256: str = strawberry.field(description="Of the file.")
    moved_at: datetime
    there: bool = strawberry.field(description="False: the file is missing; bring it back.")


@strawberry.type
class ProjectAudit:
    """The part of a project that tells who did what."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def audit(
        self,
        first: int = 50,
        before: int | None = None,
        filter: AuditFilter | None = None,  # noqa: A002 - what the schema calls it
    ) -> list[AuditEntry]:
        """Who did what, newest first, as far as it stands in no file; `before` is an entry's
        number.
        """
        return await read_audit(self.door, first, before, filter)

    @strawberry.field
    async def audit_broken_at(self) -> int | None:
        """The first audit entry that somebody tampered with, or whose file is missing or damaged;
        null when all are whole.
        """
        self.door.require(Permission.AUDIT)
        folder = self.door.process.platform.settings.audit_folder
        return (await judge(self.door.opens, self.door.project.id, folder)).broken

    @strawberry.field
    async def audit_months(self) -> list[AuditMonth]:
        """Months of the audit that stand in files, the newest first."""
        self.door.require(Permission.AUDIT)
        async with self.door.read() as tx:
            folder = self.door.process.platform.settings.audit_folder
            found = await kept_months(tx, self.door.project.id, folder)
        return [
            AuditMonth(
                month=one.moved.month,
                first=BigInt(one.moved.first_number),
                last=BigInt(one.moved.last_number),
                bytes=BigInt(one.moved.bytes),
                sha256=one.moved.sha256,
                moved_at=one.moved.moved_at,
                there=one.there,
            )
            for one in found
        ]


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
