"""Months of the audit in files: listed, fetched with a note, and judged with the table; and files
that the app writes by itself stand in the audit.
"""

import gzip
import json
from datetime import datetime

import psycopg
import pytest

from backend.core.audit import Deed, record
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.audit.month_file import file_of
from backend.service.audit.moving import keep_audit
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.test_posts import told
from tests.postgres import Actor, MakePerson, MakeProject

MONTHS = """{ project(id: "mill") { auditBrokenAt auditMonths { month first last bytes sha256
  movedAt there } audit { number action ref person { login } } } }"""
NOTE = """mutation ($input: ExportedInput!) { noteExported(project: "mill", input: $input) }"""
ROWS = "SELECT person_id, ref, new::jsonb FROM audit WHERE action = 'export.analyse'"


@pytest.fixture
async def root(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill, whose audit began in May 2023 and rested until 2026."""
    root = await make_person("root", await make_project("mill"), role="administrator")
    for at in ("2023-05-01T08:00:00Z", "2023-05-02T08:00:00Z", "2026-03-01T08:00:00Z"):
        async with platform.database.project(root.tenant.id) as tx:
            deed = Deed(root.text, "key.make", "key_1", "done", root.id)
            await record(tx, root.tenant.id, deed, datetime.fromisoformat(at))
    await keep_audit(platform)
    return root


async def test_months_are_listed_and_fetched_and_who_did_stands_in_it(
    platform: Platform, root: Actor, client: Client, ask: Ask, make_person: MakePerson
) -> None:
    boss = await client(root)
    month = told(await ask(boss, MONTHS), "project", "auditMonths", 0)
    assert isinstance(month, dict)
    path = "/api/v1/audit/months"
    [listed] = (await boss.get(f"{path}?project=mill")).json()
    assert listed == {
        **{name: month[name] for name in ("month", "sha256", "there")},
        **{name: int(month[name]) for name in ("first", "last", "bytes")},
        "moved_at": month["movedAt"],
    }
    assert (month["month"], listed["first"], listed["last"], month["there"]) == (
        "2023-05", 1, 2, True,
    )  # fmt: skip
    answer = await boss.get(f"{path}/2023-05?project=mill")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == (
        'attachment; filename="mill-audit-2023-05.ndjson.gz"'
    )
    assert len(answer.content) == listed["bytes"]
    lines = [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]
    assert [line.get("number") for line in lines] == [None, 1, 2]
    assert told(await ask(boss, MONTHS), "project", "audit") == [
        {"number": 5, "action": "audit.fetch", "ref": "2023-05", "person": {"login": "root"}},
        {"number": 4, "action": "audit.move", "ref": "2023-05", "person": None},
        {"number": 3, "action": "key.make", "ref": "key_1", "person": {"login": "root"}},
    ]
    for unknown in ("2023-06", "..%2F2023-05", "ended"):
        assert (await boss.get(f"{path}/{unknown}?project=mill")).status_code == 404
    ben = await client(await make_person("ben", root.tenant, role="shift_leader"))
    for refused in (path, f"{path}/2023-05"):
        assert (await ben.get(f"{refused}?project=mill")).status_code == 403
    # The file is gone: told in the list, at the chain and instead of the download.
    file = file_of(platform.settings.audit_folder, encode_id("prj", root.tenant.uid), "2023-05")
    file.unlink()
    seen = await ask(boss, MONTHS)
    assert told(seen, "project", "auditBrokenAt") == 1
    assert told(seen, "project", "auditMonths", 0, "there") is False
    answer = await boss.get(f"{path}/2023-05?project=mill")
    assert (answer.status_code, answer.json()["code"]) == (409, "audit_file_missing")


async def test_an_auditor_of_some_modules_sees_the_whole_chain(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson
) -> None:
    eve = await client(await make_person("eve", root.tenant, role="auditor", modules=["alarms"]))
    answer = await ask(eve, MONTHS)
    assert told(answer, "project", "auditBrokenAt") is None
    assert told(answer, "project", "auditMonths", 0, "month") == "2023-05"
    assert (await eve.get("/api/v1/audit/months/2023-05?project=mill")).status_code == 200


async def test_the_stranger_learns_of_no_month(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson, make_project: MakeProject
) -> None:
    other = await make_project("other")
    charlie = await client(await make_person("charlie", other, role="administrator"))
    assert (await ask(charlie, MONTHS))["data"] == {"project": None}
    for path in ("/api/v1/audit/months", "/api/v1/audit/months/2023-05"):
        assert (await charlie.get(f"{path}?project=mill")).status_code == 404
        own = await charlie.get(f"{path}?project=other")
        assert (own.status_code, own.text) == (200, "[]") if "2023" not in path else (404, own.text)


async def test_a_file_that_the_app_writes_is_noted_with_what_it_holds(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection,
    make_person: MakePerson,
) -> None:  # fmt: skip
    plant = await make_plant(platform, root.tenant)
    viewer = await make_person("ben", root.tenant, role="shift_staff", node=plant.nodes["b"].id)
    ben = await client(viewer)
    span = {"start": "2026-03-14T16:00:00+00:00", "end": "2026-03-15T16:00:00+00:00"}
    wanted = {"screen": "ANALYSE", "energy": "electricity", "rows": 24, **span}
    mine, theirs = plant.nodes["b"].text, plant.nodes["a"].text
    assert await ask(ben, NOTE, {"input": {**wanted, "scope": mine}}) == {
        "data": {"noteExported": True}
    }
    about = {"energy": "electricity", "rows": 24, "format": "csv", **span}
    assert admin.execute(ROWS).fetchall() == [(viewer.id, mine, about)]
    for wrong, code in (
        ({"scope": theirs}, "not_found"),
        ({"scope": mine, "rows": 0}, "list_length"),
        ({"scope": mine, "energy": "x"}, "energy_unknown"),
        ({"scope": mine, "end": span["start"]}, "span_empty"),
    ):
        answer = await ask(ben, NOTE, {"input": {**wanted, **wrong}})
        assert answer["errors"][0]["extensions"]["code"] == code  # type: ignore[index]
    assert len(admin.execute(ROWS).fetchall()) == 1
