"""The schema as a database describes it: a dump that is kept, and a quick description.

python -m tests.backend.schema_dump        writes tests/backend/expected_schema.sql anew
"""

import re
import subprocess
from pathlib import Path

import psycopg

from backend.core.postgres import find_programs
from backend.core.settings import Settings
from tests.bench.server import bench_server
from tests.postgres import NOW

EXPECTED = Path(__file__).with_name("expected_schema.sql")
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\..*|\\(un)?restrict .*|)\n", re.MULTILINE)

# Partitions come and go with time, so they are described by nobody.
_DESCRIPTION = """
WITH t AS (
    SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relacl FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND c.relname <> 'alembic_version'
)
SELECT relname, 'wall', concat_ws(' ', relrowsecurity, relforcerowsecurity, relacl) FROM t
UNION ALL
SELECT t.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attidentity, pg_get_expr(d.adbin, d.adrelid))
FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
UNION ALL
SELECT t.relname, 'index', pg_get_indexdef(i.indexrelid)
FROM t JOIN pg_index i ON i.indrelid = t.oid
UNION ALL
SELECT t.relname, c.conname, pg_get_constraintdef(c.oid)
FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype <> 'n'
UNION ALL
SELECT t.relname, p.polname, pg_get_expr(p.polqual, p.polrelid)
FROM t JOIN pg_policy p ON p.polrelid = t.oid
UNION ALL
SELECT 'jobs', c.relname, c.relkind::text FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'jobs'
ORDER BY 1, 2, 3
"""


def dumped(url: str) -> str:
    """What `pg_dump -s` says of our tables without partitions, comments and session settings."""
    program = find_programs(Settings()) / "pg_dump"
    run = subprocess.run(
        [program, "--schema-only", "--no-owner", "--schema=public",
         "--exclude-table=reading_2*", "--exclude-table=alembic_version", f"--dbname={url}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return _NOISE.sub("", run.stdout)


def described(connection: psycopg.Connection) -> set[tuple[str, str, str]]:
    """Tables, columns, indexes, constraints, policies and grants, in whatever order they came."""
    rows = connection.execute(_DESCRIPTION.encode()).fetchall()
    return {(str(table), str(name), str(what)) for table, name, what in rows}


def main() -> None:
    """Write what the migrations make today."""
    with bench_server(NOW) as server:
        EXPECTED.write_text(dumped(server.url("postgres")))


if __name__ == "__main__":
    main()
