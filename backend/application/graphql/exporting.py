"""Exports of a project as one archive."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_to
from backend.application.graphql.enums import Permission
from backend.application.graphql.persons import Person
from backend.application.graphql.scalars import BigInt
from backend.core.ids import encode_id
from backend.service.projects import archive, exports
from backend.service.projects.exports import ExportRow


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


@strawberry.type
class ExportMutation:
    """Asking for an archive."""

    @strawberry.mutation
    async def export_project(self, info: KwInfo, project: strawberry.ID) -> ProjectExport:
        """Have everything of the project written into one archive, by the worker."""
        door, asker = await enter_to(info.context, project, Permission.EXPORT)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            row = await exports.ask_export(tx, door.project.id, asker, now)
        return ProjectExport(door=door, row=row)
