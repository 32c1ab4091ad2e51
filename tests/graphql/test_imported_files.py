"""Files over REST and GraphQL: a dry run, what it says, and applying it once."""

import io

import pytest
from openpyxl import Workbook

from backend.core.ids import encode_id
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.postgres import Actor, MakePerson

READINGS = "meter,time,value\nm1,2026-03-10 00:00,100\nm1,2026-03-10 00:15,101\n"
FILES = """query($project: ID!, $id: ID!) { project(id: $project) {
  importedFiles { id kind name applied rowsApplied person { login } }
  importedFile(id: $id) { rows good faulty unknownColumns faults { row field value code params }
    meters { meterId name { en } unit rows total first last } } } }"""


@pytest.fixture
async def boss(platform: Platform, alice: Actor, make_person: MakePerson) -> Actor:
    """An administrator of Alice's project, who may import; Alice may not."""
    await make_plant(platform, alice.tenant)
    return await make_person("boss", alice.tenant, role="administrator")


async def test_a_file_is_looked_at_and_applied_once(boss: Actor, client: Client, ask: Ask) -> None:
    opened = await client(boss)
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for line in (READINGS + "m1,1970-01-01,1\n").splitlines():
        sheet.append(line.split(","))
    book.save(out)
    at = "/api/v1/imports?project=acme&kind=readings&name=march.xlsx"
    response = await opened.post(at, content=out.getvalue())
    assert response.status_code == 201
    looked = response.json()
    assert (looked["state"], looked["good"], looked["faulty"]) == ("checked", 2, 1)
    assert looked["faults"] == [
        {
            "row": 4,
            "field": "time",
            "value": "1970-01-01",
            "code": "import_too_old",
            "params": {},
        }
    ]
    where = response.headers["Location"]
    assert (await opened.get(where)).json() == looked
    apply = where.replace("?", "/apply?")
    refused = await opened.post(apply)
    assert (refused.status_code, refused.json()["code"]) == (409, "import_faulty")
    done = await opened.post(apply + "&mode=good")
    assert (done.status_code, done.json()["rows_applied"]) == (200, 2)
    again = await opened.post(at, content=out.getvalue())
    assert again.json() == done.json()
    answer = await ask(opened, FILES, {"project": "acme", "id": looked["id"]})
    data = answer["data"]
    assert isinstance(data, dict)
    assert data["project"]["importedFiles"] == [
        {
            "id": looked["id"],
            "kind": "readings",
            "name": "march.xlsx",
            "applied": True,
            "rowsApplied": 2,
            "person": {"login": "boss"},
        }
    ]
    found = data["project"]["importedFile"]
    assert (found["rows"], found["good"], found["faulty"]) == (3, 2, 1)
    assert found["meters"][0]["total"] == "1"
    assert found["meters"][0]["first"] == "2026-03-09T16:00:00Z"


async def test_what_is_no_file_is_a_problem(boss: Actor, client: Client) -> None:
    opened = await client(boss)
    at = "/api/v1/imports?project=acme&kind="
    for kind, content, code in (
        ("readings", b"", "sheet_empty"),
        ("readings", b"a,b\n1,2\n", "sheet_column_missing"),
        ("gossip", READINGS.encode(), "invalid_input"),
        ("readings", b"x" * 10_000_001, "sheet_too_large"),
    ):
        response = await opened.post(at + kind, content=content)
        assert (response.status_code, response.json()["code"]) == (422, code)
    missing = encode_id("imp", boss.uid)
    for path in (missing, f"{missing}/apply"):
        method = "POST" if path.endswith("apply") else "GET"
        response = await opened.request(method, f"/api/v1/imports/{path}?project=acme")
        assert response.status_code == 404


async def test_who_may_not_import_changes_nothing(
    boss: Actor, alice: Actor, client: Client, ask: Ask
) -> None:
    manager = await client(alice)
    response = await manager.post(
        "/api/v1/imports?project=acme&kind=readings", content=READINGS.encode()
    )
    assert (response.status_code, response.json()["code"]) == (403, "not_allowed")
    opened = await client(boss)
    looked = await opened.post(
        "/api/v1/imports?project=acme&kind=readings", content=READINGS.encode()
    )
    id = looked.json()["id"]
    response = await manager.post(f"/api/v1/imports/{id}/apply?project=acme")
    assert response.status_code == 403
    answer = await ask(manager, FILES, {"project": "acme", "id": id})
    data = answer["data"]
    assert isinstance(data, dict)
    assert data["project"]["importedFiles"][0]["applied"] is False
