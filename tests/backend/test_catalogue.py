"""The wall as the database itself describes it: every table, partition, policy, grant and role.

alembic sees neither row-level security nor policies nor grants, so this looks at the catalogue.
"""

import psycopg
import pytest
from psycopg.rows import TupleRow

from backend.core.migrate import migrate
from backend.core.partitions import keep_partitions
from backend.core.tables import GLOBAL_TABLES, metadata
from tests.postgres import NOW, Server

pytestmark = pytest.mark.both_postgres

POLICY = (
    "tenant",
    "*",
    "(project_id = (NULLIF(current_setting('app.project'::text, true), ''::text))::integer)",
    None,
    True,
    "{0}",
)

FULL = {"SELECT", "INSERT", "UPDATE", "DELETE"}
STORE = {"SELECT", "INSERT", "UPDATE"}
INGEST = {
    "reading": STORE,
    "last_value": STORE,
    "dirty": STORE,
    "reading_late": {"SELECT", "INSERT"},
    "reading_quarantine": STORE,
    "gateway_state": STORE,
    "device": STORE,
    "point": STORE,
    "point_alias": FULL,
    "command": {"SELECT", "UPDATE"},
    "mqtt_credential": {"SELECT"},
    "gateway_config": {"SELECT", "UPDATE"},
    "audit": {"SELECT", "INSERT"},
    "event": {"INSERT"},
    "event_counter": STORE,
    "project": {"SELECT"},
    "project_quota": {"SELECT"},
    "project_use": STORE,
    "gateway": {"SELECT"},
    "gateway_certificate": {"SELECT"},
    "meter": {"SELECT"},
    "meter_source": {"SELECT"},
    "register_event": {"INSERT"},
    "alembic_version": {"SELECT"},
}

TABLES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


def rows(connection: psycopg.Connection, sql: str) -> list[TupleRow]:
    return connection.execute(sql.encode()).fetchall()


def tenant_tables(connection: psycopg.Connection) -> set[str]:
    return {str(row[0]) for row in rows(connection, TABLES)} - GLOBAL_TABLES


def test_every_table_is_global_or_walled(admin: psycopg.Connection) -> None:
    found = rows(admin, TABLES)
    partitions = {name for name, _, _, partition in found if partition}
    assert {name for name, *_ in found} - partitions == set(metadata.tables) | {"alembic_version"}
    assert len(partitions) >= 5
    walled = {name for name, enabled, forced, _ in found if enabled and forced}
    assert walled == tenant_tables(admin)
    assert {name for name, *_ in found} >= GLOBAL_TABLES


def test_every_tenant_table_has_exactly_the_policy(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT c.relname, p.polname, p.polcmd::text, pg_get_expr(p.polqual, p.polrelid),"
        " pg_get_expr(p.polwithcheck, p.polrelid), p.polpermissive, p.polroles::text"
        " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polname <> 'sight'"
        " ORDER BY 1",
    )
    assert found == [(table, *POLICY) for table in sorted(tenant_tables(admin))]


def test_every_key_of_a_tenant_table_begins_with_the_project(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT t.relname, i.indexrelid::regclass::text, a.attname, i.indisprimary"
        " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]"
        " WHERE t.relnamespace = 'public'::regnamespace",
    )
    tenant = tenant_tables(admin)
    assert [row for row in found if row[0] in tenant and row[2] != "project_id"] == []
    assert {row[0] for row in found if row[3]} >= tenant


def test_no_triggers_and_no_foreign_keys(admin: psycopg.Connection) -> None:
    triggers = rows(
        admin,
        "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
        " WHERE c.relnamespace = 'public'::regnamespace",
    )
    assert triggers == []
    foreign = rows(
        admin,
        "SELECT conname FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace",
    )
    assert foreign == []


def test_grants_are_exactly_these(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT c.relname, a.grantee::regrole::text, array_agg(a.privilege_type::text)"
        " FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner GROUP BY 1, 2",
    )
    given = {(table, role): set(kinds) for table, role, kinds in found if role != "kw_limited"}
    parents = set(metadata.tables)
    expected = {(table, "kw_app"): FULL for table in parents}
    expected[("alembic_version", "kw_app")] = {"SELECT"}
    # Append-only: what the audit says is changed by nobody.
    expected[("audit", "kw_app")] = {"SELECT", "INSERT"}
    expected[("audit_file", "kw_app")] = {"SELECT"}
    expected |= {(table, "kw_ingest"): kinds for table, kinds in INGEST.items()}
    assert given == expected


def test_functions_are_called_by_the_owner_only_and_lend_no_rights(
    admin: psycopg.Connection,
) -> None:
    found = rows(
        admin,
        "SELECT proname, proowner::regrole::text, prosecdef, proacl::text FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace",
    )
    assert found == [("audit_move_out", "kw_owner", False, "{kw_owner=X/kw_owner}")]


def test_everything_belongs_to_the_owner(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT DISTINCT relowner::regrole::text FROM pg_class"
        " WHERE relnamespace IN ('public'::regnamespace, 'jobs'::regnamespace)",
    )
    assert found == [("kw_owner",)]


def test_roles_have_exactly_these_attributes(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication,"
        " rolbypassrls FROM pg_roles WHERE rolname LIKE 'kw\\_%' ORDER BY 1",
    )
    plain = (True, False, False, False, False)
    assert found == [
        ("kw_app", *plain, False),
        ("kw_backup", *plain, True),
        ("kw_ingest", *plain, True),
        ("kw_limited", False, *plain[1:], False),
        ("kw_owner", *plain, False),
    ]
    members = rows(
        admin,
        "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members"
        " WHERE member::regrole::text LIKE 'kw\\_%' ORDER BY 1",
    )
    assert members == [("kw_app", "kw_limited"), ("kw_backup", "pg_read_all_data")]
    inherit = rows(admin, "SELECT rolinherit FROM pg_roles WHERE rolname = 'kw_app'")
    assert inherit == [(False,)]


def test_jobs_belong_to_the_owner_and_serve_the_app(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    with psycopg.connect(postgres_server.url("kw_app", database_name)) as app:
        app.execute("SET search_path = jobs")
        assert app.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)
    with (
        psycopg.connect(postgres_server.url("kw_ingest", database_name)) as ingest,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        ingest.execute("SELECT * FROM jobs.procrastinate_jobs")


def test_the_owner_is_bound_by_the_wall_too(postgres_server: Server, database_name: str) -> None:
    with psycopg.connect(postgres_server.url("kw_owner", database_name)) as owner:
        assert owner.execute("SELECT * FROM node").fetchall() == []
        owner.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            owner.execute("SELECT * FROM node")


def test_the_schema_is_that_of_the_tables(postgres_server: Server, database_name: str) -> None:
    migrate(postgres_server.url("kw_owner", database_name), "check")


def test_down_and_up_again(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    owner = postgres_server.url("kw_owner", database_name)
    migrate(owner, "downgrade", "base")
    assert {row[0] for row in rows(admin, TABLES)} == {"alembic_version"}
    assert rows(admin, "SELECT 1 FROM pg_namespace WHERE nspname = 'jobs'") == []
    migrate(owner, "upgrade")
    assert keep_partitions(owner, NOW) == 5
    assert keep_partitions(owner, NOW) == 0
    found = rows(admin, TABLES)
    assert {name for name, *_, partition in found if partition} == {
        "reading_2026_01",
        "reading_2026_02",
        "reading_2026_03",
        "reading_2026_04",
        "reading_2026_05",
    }
    assert {name for name, on, forced, _ in found if on and forced} == tenant_tables(admin)
