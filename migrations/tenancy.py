"""The statements every migration shares: how it begins, and the wall around a tenant table."""

from alembic import op

POLICY = "project_id = nullif(current_setting('app.project', true), '')::int"
"""The bare policy; Citus distributes it, a sub-select would not be."""


def begin() -> None:
    """Open a migration: a filtered statement is an error, a lock that does not come is one too."""
    op.execute("SET LOCAL row_security = off")
    op.execute("SET LOCAL lock_timeout = '5s'")


def wall(table: str) -> None:
    """Enclose a tenant table: row-level security, forced on its owner too, with the bare policy."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({POLICY})")


def seen_where(table: str, rule: str, also: str = "") -> None:
    """Say which rows of a tenant table members see who are limited to a part of the project.

    `rule` is the condition of the policy `sight` (see `among`, `open_module`); `also` what they may
    do besides reading. A table without it is closed to them.
    """
    granted = f"SELECT, {also}" if also else "SELECT"
    op.execute(f"CREATE POLICY sight ON {table} AS RESTRICTIVE TO kw_limited USING ({rule})")
    op.execute(f"GRANT {granted} ON {table} TO kw_limited")


def not_seen(table: str) -> None:
    """Take back what `seen_where` said."""
    op.execute(f"REVOKE ALL ON {table} FROM kw_limited")
    op.execute(f"DROP POLICY sight ON {table}")


def among(column: str, kind: str) -> str:
    """The condition that a number is one of those a limited member's sight lists.

    A sub-select, so that the list is read once a statement and not once a row.
    """
    listed = f"string_to_array(current_setting('app.{kind}', true), ',')::bigint[]"
    return f"{column} IN (SELECT unnest({listed}))"


def open_module(name: str) -> str:
    """The condition that a module is open to the member."""
    return f"'{name}' = ANY (string_to_array(current_setting('app.modules', true), ','))"


def grant_app(*tables: str) -> None:
    """Give kw_app (web, alarm, aggregate, jobs) what it needs on ordinary tables."""
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables)} TO kw_app")
