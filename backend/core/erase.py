"""The end of a project: every row that names it, in every table that there is.

The tables come from the catalogue, so that none is forgotten. Each is a transaction of its own, the
project itself the last one: an end that was interrupted goes on at the next call.
"""

import psycopg
from psycopg import sql

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition AND a.attname = 'project_id' AND NOT a.attisdropped
ORDER BY c.relname
"""


def erase_project(owner_url: str, project_id: int) -> int:
    """Erase a project as kw_owner; answers how many rows it had."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        tables = [str(row[0]) for row in connection.execute(_TABLES).fetchall()]
        erased = sum(_erase(connection, table, "project_id", project_id) for table in tables)
        return erased + _erase(connection, "project", "id", project_id)


def _erase(
    connection: psycopg.Connection[tuple[object, ...]], table: str, column: str, project_id: int
) -> int:
    statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    with connection.transaction():
        connection.execute("SELECT set_config('app.project', %s, true)", (str(project_id),))
        return connection.execute(statement, (project_id,)).rowcount
