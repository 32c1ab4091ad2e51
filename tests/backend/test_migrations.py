"""Migrations from nothing to now and back, step by step, with rows, on both versions."""

from collections.abc import Iterable
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from backend.core.migrate import migrate
from backend.core.schema import SCRIPTS
from backend.core.tables import metadata
from tests.backend.schema_dump import EXPECTED, described, dumped
from tests.postgres import NOW, Server

pytestmark = pytest.mark.both_postgres

SAMPLES: dict[type, object] = {
    sa.Integer: 1,
    sa.Double: 1.0,
    sa.Numeric: 1,
    sa.Text: "x",
    sa.Boolean: True,
    sa.Date: NOW.date(),
    sa.TIMESTAMP: NOW,
    sa.LargeBinary: b"x",
    sa.Uuid: UUID(int=1),
    JSONB: Jsonb({}),
    ARRAY: [],
}


READINGS = {"reading", "reading_day", "reading_late"}
"""Has no partitions here; the others refuse to be dropped with readings in them."""
MOVED = {"audit_file"}
"""Refuses to be dropped while entries stand in files: `test_the_way_back_is_refused`."""


def revisions() -> list[str]:
    """Every revision, the oldest first."""
    scripts = ScriptDirectory(str(SCRIPTS))
    return [one.revision for one in scripts.walk_revisions()][::-1]


def test_the_schema_from_nothing_is_the_expected_one(
    postgres_server: Server, database_name: str
) -> None:
    found = dumped(postgres_server.url("postgres", database_name))
    assert found == EXPECTED.read_text(), "python -m tests.backend.schema_dump writes it anew"


def test_every_step_down_is_undone_by_the_step_up(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    owner = postgres_server.url("kw_owner", database_name)
    migrate(owner, "downgrade", "base")
    steps = revisions()
    at = {"base": described(admin)}
    for step in steps:
        migrate(owner, "upgrade", step)
        at[step] = described(admin)
    filled(admin)
    for step, before in zip(reversed(steps), [*reversed(steps[:-1]), "base"], strict=True):
        migrate(owner, "downgrade", before)
        assert described(admin) == at[before], f"{step} down"
    migrate(owner, "upgrade", "head")
    assert described(admin) == at[steps[-1]]


def test_the_way_back_is_refused_while_entries_stand_in_files(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    admin.execute(b"INSERT INTO audit_file VALUES (1, 9, 1, '2024-05', '', 'x', 'sum', 1, now())")
    with pytest.raises(Exception, match="Entries of the audit stand in files"):
        migrate(postgres_server.url("kw_owner", database_name), "downgrade", "0030")
    admin.execute(b"DELETE FROM audit_file")
    migrate(postgres_server.url("kw_owner", database_name), "downgrade", "0030")


def filled(admin: psycopg.Connection) -> None:
    """A row in every table, null wherever it may be."""
    for table in metadata.sorted_tables:
        if table.name in READINGS | MOVED:
            continue
        row = dict(_row(table))
        admin.execute(
            SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                Identifier(table.name),
                SQL(", ").join(map(Identifier, row)),
                SQL(", ").join(map(Literal, row.values())),
            )
        )


def _row(table: sa.Table) -> Iterable[tuple[str, object]]:
    for column in table.columns:
        if column.nullable:
            continue
        known = next((v for kind, v in SAMPLES.items() if isinstance(column.type, kind)), None)
        yield column.name, known
