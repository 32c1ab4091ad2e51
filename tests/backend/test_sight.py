"""What the database shows to members of a part: `SEEN` was written by hand, not read from it.

A new tenant table needs a row here and a `seen_where` in its migration (migrations/tenancy.py);
until then it is closed to them.
"""

import re

import psycopg
import pytest

from backend.core.db import Database, WriteSession
from backend.core.errors import NotAllowed
from backend.core.ids import new_uuid
from backend.core.sight import Sight
from backend.core.tables import GLOBAL_TABLES, metadata
from tests.postgres import NOW, MakeProject, Tenant

pytestmark = pytest.mark.both_postgres

ALL: frozenset[str] = frozenset()
"""Every row of the project."""
NOTHING = None

SEEN: dict[str, frozenset[str] | None] = {
    "account": frozenset({"meters", "nodes", "modules"}),
    "account_history": frozenset({"meters", "nodes", "modules"}),
    "account_rate": ALL,
    "alarm_ack": frozenset({"alarm_occurrence"}),
    "alarm_definition": frozenset({"meters", "nodes", "modules"}),
    "alarm_lease": NOTHING,
    "alarm_occurrence": frozenset({"alarm_definition"}),
    "alarm_transition": frozenset({"alarm_definition"}),
    "answered_request": ALL,
    "audit": ALL,
    "audit_file": ALL,
    "audit_told": NOTHING,
    "calendar_period": ALL,
    "command": frozenset({"devices", "modules"}),
    "conversion": frozenset({"nodes"}),
    "demand_peak": frozenset({"nodes", "modules"}),
    "device": frozenset({"devices"}),
    "device_profile": NOTHING,
    "dirty": frozenset({"points"}),
    "enrolment_code": NOTHING,
    "enrolment_event": NOTHING,
    "equipment": frozenset({"nodes", "modules"}),
    "equipment_hour": frozenset({"nodes", "modules"}),
    "equipment_interval": frozenset({"nodes", "modules"}),
    "event": ALL,
    "event_counter": ALL,
    "factor": ALL,
    "gateway": frozenset({"gateways", "modules"}),
    "gateway_certificate": NOTHING,
    "gateway_config": NOTHING,
    "gateway_release": NOTHING,
    "gateway_state": frozenset({"gateways", "modules"}),
    "group_consent": NOTHING,
    "group_look": NOTHING,
    "hand_reading": frozenset({"meters", "modules"}),
    "import_job": NOTHING,
    "last_value": frozenset({"points"}),
    "meter": frozenset({"meters"}),
    "meter_list": NOTHING,
    "meter_source": frozenset({"meters"}),
    "mqtt_credential": NOTHING,
    "mqtt_lease": NOTHING,
    "mqtt_request": ALL,
    "node": frozenset({"nodes"}),
    "node_meter": frozenset({"nodes", "meters"}),
    "notification": frozenset({"alarm_occurrence"}),
    "operating_state": frozenset({"line"}),
    "point": frozenset({"points"}),
    "point_alias": NOTHING,
    "project_export": NOTHING,
    "project_export_part": NOTHING,
    "project_logo": ALL,
    "push_subscription": ALL,
    "reading": frozenset({"points"}),
    "reading_day": frozenset({"points"}),
    "reading_late": frozenset({"points"}),
    "reading_quarantine": NOTHING,
    "register_event": frozenset({"points"}),
    "register_judgement": frozenset({"points", "modules"}),
    "regroup": ALL,
    "restatement": NOTHING,
    "shed_item": frozenset({"nodes"}),
    "sheet_import": NOTHING,
    "shift_pattern": frozenset({"line"}),
    "shift_period": frozenset({"line"}),
    "stale": frozenset({"meters", "nodes"}),
    "stock_document": frozenset({"meters", "modules"}),
    "stock_rule": frozenset({"meters", "modules"}),
    "supply_contract": frozenset({"nodes"}),
    "tariff": ALL,
    "tariff_slot": ALL,
    "tree": ALL,
    "webhook": NOTHING,
    "webhook_delivery": NOTHING,
}
"""By what the rows are chosen: lists of the sight, its modules, or rows seen of another table."""
WRITES = {
    "alarm_ack": {"INSERT"},
    "alarm_occurrence": {"UPDATE"},
    "alarm_transition": {"INSERT"},
    "answered_request": {"INSERT", "UPDATE"},
    "audit": {"INSERT"},
    "command": {"INSERT"},
    "dirty": {"INSERT"},
    "event": {"INSERT"},
    "event_counter": {"INSERT", "UPDATE"},
    "hand_reading": {"INSERT", "UPDATE"},
    "last_value": {"INSERT", "UPDATE"},
    "mqtt_request": {"INSERT"},
    "notification": {"INSERT", "UPDATE"},
    "push_subscription": {"INSERT", "UPDATE", "DELETE"},
    "reading": {"INSERT"},
    "register_event": {"INSERT", "UPDATE"},
}
"""What acknowledging, commanding, reading a register and registering a browser write."""
READ_BESIDES = {"energy_type", "membership", "person", "project", "project_role"}


def test_every_tenant_table_says_what_a_part_sees_of_it(admin: psycopg.Connection) -> None:
    found = admin.execute(
        "SELECT c.relname, pg_get_expr(p.polqual, p.polrelid), p.polpermissive,"
        " p.polroles = ARRAY[to_regrole('kw_limited')::oid], p.polcmd::text, p.polwithcheck IS NULL"
        " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polname = 'sight'"
    ).fetchall()
    told = {}
    for table, rule, *kind in found:
        assert kind == [False, True, "*", True], table
        chosen = re.findall(r"'app\.(\w+)'|FROM (\w+)", str(rule))
        told[table] = None if rule == "false" else {one or other for one, other in chosen}
    assert told == SEEN
    assert SEEN.keys() == set(metadata.tables) - GLOBAL_TABLES


def test_grants_to_a_part_are_exactly_these(admin: psycopg.Connection) -> None:
    found = admin.execute(
        "SELECT c.relname, array_agg(a.privilege_type::text)"
        " FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE a.grantee = to_regrole('kw_limited')::oid GROUP BY 1"
    ).fetchall()
    expected = {table: {"SELECT"} | WRITES.get(table, set()) for table in SEEN}
    expected |= {table: {"SELECT"} for table in READ_BESIDES}
    assert {table: set(kinds) for table, kinds in found} == expected


async def test_a_statement_that_forgets_is_narrowed_all_the_same(
    database: Database, make_project: MakeProject
) -> None:
    mill = await make_project("mill")
    async with database.project(mill.id) as tx:
        numbers = [await _node(tx, mill, slug) for slug in ("hall", "yard")]
    sight = Sight((numbers[0],), (numbers[0],), (), (), (), (), frozenset())
    async with database.read(mill.id, sight) as read:
        assert await read.fetch_tuples("SELECT slug FROM node") == [("hall",)]
    async with database.read(mill.id) as read:
        assert len(await read.fetch_tuples("SELECT slug FROM node")) == 2


async def test_what_reaches_beyond_a_part_is_refused_and_changes_nothing(
    database: Database, make_project: MakeProject, admin: psycopg.Connection
) -> None:
    mill = await make_project("mill")
    sight = Sight((), (), (), (), (), (7,), frozenset({"records"}))
    dirty = "INSERT INTO dirty (project_id, point_id, first_ts, last_ts) VALUES (%s, %s, %s, %s)"
    for statement, point in ((dirty, 8), ("DELETE FROM node WHERE project_id = %s", None)):
        given = (mill.id,) if point is None else (mill.id, point, NOW, NOW)

        async def reach() -> None:
            async with database.project(mill.id, sight) as tx:
                await tx.execute(dirty, (mill.id, 7, NOW, NOW))
                await tx.execute(statement, given)  # noqa: B023 - called before the next round

        with pytest.raises(NotAllowed) as refused:
            await reach()
        assert refused.value.error_code == "beyond_your_part"
    assert admin.execute("SELECT count(*) FROM dirty").fetchone() == (0,)


async def _node(tx: WriteSession, mill: Tenant, slug: str) -> int:
    number = await tx.fetch_value(
        "INSERT INTO node (project_id, uid, slug, kind, name) VALUES (%s, %s, %s, 'line', '{}')"
        " RETURNING id",
        (mill.id, new_uuid(NOW), slug),
        into=int,
    )
    assert number is not None
    return number
