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


def grant_app(*tables: str) -> None:
    """Give kw_app (web, alarm, aggregate, jobs) what it needs on ordinary tables."""
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables)} TO kw_app")
