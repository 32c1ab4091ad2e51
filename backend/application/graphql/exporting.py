"""Exports of a project as one archive, and files that the app writes by itself."""

from datetime import datetime
from enum import Enum
from typing import Final

import strawberry

from backend.application.curves import known_energy, scope_of
from backend.application.exports import Export
from backend.application.graphql.context import Door, KwInfo, enter_to
from backend.application.graphql.enums import Permission
from backend.application.graphql.persons import Person
from backend.application.graphql.scalars import BigInt
from backend.application.lengths import list_length
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.projects import archive, exports
from backend.service.projects.exports import ExportRow

MOST_ROWS: Final = 100_000


@strawberry.type
class ProjectExport:
    """An archive of everything of the project: ZIP with a CSV a table, schema and checksums."""

    door: strawberry.Private[Door]
    row: strawberry.Private[ExportRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("exp", self.row.uid))

    @strawberry.field
    def state(self) -> str:
        """waiting, running, done or failed."""
        return self.row.state

    @strawberry.field
    def progress(self) -> float:
        """Share of the tables that are written, 0 to 1."""
        return self.row.tables_done / len(archive.sheets())

    @strawberry.field
    def bytes(self) -> BigInt:
        return BigInt(self.row.bytes)

    @strawberry.field
    def sha256(self) -> str | None:
        """Of the whole archive, once it is done."""
        return self.row.sha256

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    async def asked_by(self) -> Person | None:
        return await self.door.persons.load(self.row.person_id)


@strawberry.type
class ProjectExports:
    """The part of a project that is taken away."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def exports(self) -> list[ProjectExport]:
        """Archives of the project, the newest first; fetched at `/api/v1/exports/{id}`."""
        self.door.require(Permission.EXPORT)
        async with self.door.read() as tx:
            found = await exports.list_exports(tx, self.door.project.id)
        return [ProjectExport(door=self.door, row=row) for row in found]


@strawberry.enum
class ExportedFrom(Enum):
    """The screen of the app that a file was written from."""

    ANALYSE = "analyse"


@strawberry.input
class ExportedInput:
    """What a file holds that the app wrote by itself."""

    screen: ExportedFrom
    scope: strawberry.ID = strawberry.field(description="Node or meter whose figures it holds.")
    energy: str
    start: datetime = strawberry.field(description="Begin of its first row.")
    end: datetime = strawberry.field(description="End of its last row.")
    rows: int = strawberry.field(description="How many rows it has, 1 to 100,000.")


@strawberry.type
class ExportMutation:
    """Taking figures away, and asking for an archive."""

    @strawberry.mutation
    async def note_exported(
        self,
        info: KwInfo,
        project: strawberry.ID,
        input: ExportedInput,  # noqa: A002 - what the schema calls it
    ) -> bool:
        """Write down in the audit that a file was written by the app; it is written after that."""
        door, _ = await enter_to(info.context, project, Permission.READ)
        list_length(input.rows, MOST_ROWS)
        await scope_of(door, input.scope)
        if input.end <= input.start:
            raise InvalidInput("span_empty")
        about = {
            "energy": known_energy(input.energy).code,
            "start": input.start.isoformat(),
            "end": input.end.isoformat(),
            "rows": input.rows,
        }
        caller = info.context.signed_in()
        await Export(door, caller, input.screen.value, input.scope, about).note("csv")
        return True

    @strawberry.mutation
    async def export_project(self, info: KwInfo, project: strawberry.ID) -> ProjectExport:
        """Have everything of the project written into one archive, by the worker."""
        door, asker = await enter_to(info.context, project, Permission.EXPORT)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            row = await exports.ask_export(tx, door.project.id, asker, now)
        return ProjectExport(door=door, row=row)
