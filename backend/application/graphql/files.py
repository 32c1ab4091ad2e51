"""Files that people brought: what was found in them, and whether they were applied."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.application.graphql.scalars import Json
from backend.application.lengths import list_length
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.imports import files as service

MOST = 500


@strawberry.type
class FileFault:
    """What is wrong with one field of a row; texts under `errors.<code>`."""

    row: int
    field: str
    value: str | None
    code: str
    params: Json


@strawberry.type
class FileMeter:
    """What a file holds of one meter: `total` in `unit`, from `first` to `last`."""

    meter_id: strawberry.ID
    name: Name
    unit: str
    rows: int
    total: Decimal
    first: datetime | None
    last: datetime | None


@strawberry.type
class ImportedFile:
    """A file of rows: looked at, and applied once or not yet."""

    row: strawberry.Private[service.FileRow]
    door: strawberry.Private[Door]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("imp", self.row.uid))

    @strawberry.field
    def kind(self) -> str:
        """What its rows are: readings, intervals, production, hand or stock."""
        return self.row.kind

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    def applied(self) -> bool:
        return self.row.state == "applied"

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def applied_at(self) -> datetime | None:
        return self.row.applied_at

    @strawberry.field
    async def person(self) -> Person | None:
        """Who brought it."""
        return await self.door.persons.load(self.row.created_by)

    @strawberry.field
    def rows(self) -> int:
        return self.row.found.rows

    @strawberry.field
    def good(self) -> int:
        """Rows that are right."""
        return self.row.found.good

    @strawberry.field
    def faulty(self) -> int:
        """Rows with a fault."""
        return self.row.found.faulty

    @strawberry.field
    def rows_applied(self) -> int | None:
        return self.row.rows_applied

    @strawberry.field
    def unknown_columns(self) -> list[str]:
        """Headers that no field is known for."""
        return self.row.found.unknown

    @strawberry.field
    def faults(self) -> list[FileFault]:
        """The first 200 faults."""
        return [
            FileFault(
                row=one.row,
                field=one.field,
                value=one.value,
                code=one.code,
                params=Json(one.params),
            )
            for one in self.row.found.faults
        ]

    @strawberry.field
    def meters(self) -> list[FileMeter]:
        return [
            FileMeter(
                meter_id=strawberry.ID(one.meter),
                name=Name.of(one.name),
                unit=one.unit,
                rows=one.rows,
                total=Decimal(one.total),
                first=one.first,
                last=one.last,
            )
            for one in self.row.found.meters
        ]


async def list_files(door: Door, first: int) -> list[ImportedFile]:
    """Answer the files of a project, newest first."""
    async with door.read() as tx:
        rows = await service.list_files(tx, door.project.id, list_length(first, MOST))
    return [ImportedFile(door=door, row=row) for row in rows]


async def find_file(door: Door, id: str) -> ImportedFile | None:
    """Answer one file; None when this project has none of that identity."""
    async with door.read() as tx:
        try:
            row = await service.find_file(tx, door.project.id, outside_uid("imp", id))
        except NotFound:
            return None
    return ImportedFile(door=door, row=row)
