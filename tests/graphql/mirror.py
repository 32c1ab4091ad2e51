"""A second project that has every row of the first one under the same numbers.

Keys begin with the project, so the same numbers can stand in both: a statement that forgets the
project finds each thing twice, and only row-level security can tell whose it is.
"""

import psycopg

from backend.core.tables import GLOBAL_TABLES, metadata

TENANT_TABLES = sorted(set(metadata.tables) - set(GLOBAL_TABLES))


def mirror(admin: psycopg.Connection, of: int, into: int) -> None:
    """Copy all rows of tenant tables of one project into another (as a superuser)."""
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        for table in TENANT_TABLES:
            admin.execute(f"DELETE FROM {table} WHERE project_id = %s".encode(), (into,))
            names = [column.name for column in metadata.tables[table].columns]
            others = ", ".join(f'"{name}"' for name in names if name != "project_id")
            admin.execute(
                f"INSERT INTO {table} (project_id, {others}) OVERRIDING SYSTEM VALUE"
                f" SELECT {int(into)}, {others} FROM {table} WHERE project_id = %s".encode(),
                (of,),
            )
