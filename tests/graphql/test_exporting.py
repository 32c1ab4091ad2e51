"""An archive of everything of a project, read with the standard library alone."""

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import datetime

import httpx
import psycopg
import pytest

from backend.core.audit import Deed, record
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.core.tables import GLOBAL_TABLES, metadata
from backend.service.audit.month_file import file_of
from backend.service.audit.moving import keep_audit
from backend.service.projects.archive import LEFT_OUT, sheets
from backend.service.projects.exports import KEPT, make_exports
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.postgres import NOW, Actor, MakePerson, MakeProject

EXPORT = 'mutation { exportProject(project: "mill") { id state progress } }'
LISTED = '{ project(id: "mill") { exports { id state progress bytes sha256 askedBy { login } } } }'
SECRET = re.compile("secret|hash|password|token|private")
NO_SECRETS = {
    "audit.hash", "audit_file.before_hash", "audit_file.head_hash", "device.profile_hash",
    "device_profile.hash", "gateway_config.hash", "gateway_state.config_hash",
}  # fmt: skip
"""Of documents, and the chain of the audit."""


@pytest.fixture
async def root(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill, which has a plant and a month of electricity."""
    boss = await make_person("root", await make_project("mill"), role="administrator")
    plant = await make_plant(platform, boss.tenant)
    async with platform.database.project(boss.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO calendar_period (project_id, period, start_ts, end_ts, label)"
            " VALUES (%s, 4, '2026-01-31T16:00:00Z', '2026-02-28T16:00:00Z', '2026-02')",
            (boss.tenant.id,),
        )
        await tx.execute(
            "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts, end_ts,"
            " qty, updated_at) VALUES (%s, 2, %s, 'electricity', 4, '2026-01-31T16:00:00Z',"
            " '2026-02-28T16:00:00Z', 1234567000000, %s)",
            (boss.tenant.id, plant.nodes["site"].id, NOW),
        )
        await tx.execute("UPDATE project SET energy_unit = 'MWh' WHERE id = %s", (boss.tenant.id,))
    return boss


async def fetched(platform: Platform, boss: httpx.AsyncClient, ask: Ask) -> bytes:
    """An archive that was asked for, made and fetched."""
    made = (await ask(boss, EXPORT))["data"]["exportProject"]  # type: ignore[index]
    assert (made["state"], made["progress"]) == ("waiting", 0)
    path = f"/api/v1/exports/{made['id']}?project=mill"
    assert (await boss.get(path)).status_code == 404
    await make_exports(platform)
    answer = await boss.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


async def test_months_of_the_audit_in_files_are_in_the_archive(
    platform: Platform, root: Actor, client: Client, ask: Ask
) -> None:
    for at in ("2023-05-01T08:00:00+00:00", "2023-06-01T08:00:00+00:00"):
        async with platform.database.project(root.tenant.id) as tx:
            deed = Deed(root.text, "key.make", "key_1", "done", root.id)
            await record(tx, root.tenant.id, deed, datetime.fromisoformat(at))
    await keep_audit(platform)
    project = encode_id("prj", root.tenant.uid)
    file = file_of(platform.settings.audit_folder, project, "2023-05")
    content = await fetched(platform, await client(root), ask)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("audit/2023-05.ndjson.gz") == file.read_bytes()
        assert b"  audit/2023-05.ndjson.gz" in archive.read("SHA256SUMS")
    file.unlink()
    with zipfile.ZipFile(io.BytesIO(await fetched(platform, await client(root), ask))) as archive:
        told = json.loads(archive.read("schema.json"))["left_out"]
    assert told["audit/2023-05.ndjson.gz"] == "the platform has not got it"


async def test_the_archive_is_whole_and_reads_without_us(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    boss = await client(root)
    content = await fetched(platform, boss, ask)
    [row] = (await ask(boss, LISTED))["data"]["project"]["exports"]  # type: ignore[index]
    assert (row["state"], row["progress"], row["askedBy"]) == ("done", 1, {"login": "root"})
    assert (row["bytes"], row["sha256"]) == (str(len(content)), hashlib.sha256(content).hexdigest())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {
        name: hashlib.sha256(held).hexdigest()
        for name, held in files.items()
        if name != "SHA256SUMS"
    }
    told = json.loads(files["schema.json"])
    assert (told["format"], told["version"], told["project"]["slug"]) == (
        "kilowise-project", 1, "mill",
    )  # fmt: skip
    for table, one in told["tables"].items():
        rows = list(csv.reader(io.StringIO(files[one["file"]].decode())))
        assert rows[0] == [column["name"] for column in one["columns"]]
        stored = admin.execute(
            f"SELECT count(*) FROM {table} WHERE project_id = {root.tenant.id}".encode()
        ).fetchone()
        # Asking for it and fetching it are written down after the moment it is of.
        assert stored is not None
        assert len(rows) - 1 == one["rows"] == stored[0] - (table == "audit")
    page = files["index.html"].decode()
    assert "<td>2026-02</td><td>Electricity</td><td>1,234.567 MWh</td>" in page
    assert "secret" not in content.decode("latin-1")
    done = [row[0] for row in admin.execute("SELECT action FROM audit ORDER BY number").fetchall()]
    assert done == ["project.export", "project.fetch"]


def test_every_table_is_exported_or_left_out_for_a_reason() -> None:
    exported = {sheet.table for sheet in sheets()}
    assert exported | LEFT_OUT.keys() == set(metadata.tables) - GLOBAL_TABLES
    assert not exported & LEFT_OUT.keys()
    named = {f"{one.table}.{name}" for one in sheets() for name, _ in one.columns}
    assert {name for name in named if SECRET.search(name.partition(".")[2])} == NO_SECRETS


async def test_who_may_and_how_many_are_kept(
    platform: Platform, root: Actor, client: Client, ask: Ask, make_person: MakePerson,
    admin: psycopg.Connection,
) -> None:  # fmt: skip
    boss, bob = await client(root), await client(await make_person("bob", root.tenant))
    refused = await ask(bob, EXPORT)
    assert refused["errors"][0]["extensions"]["code"] == "not_allowed"  # type: ignore[index]
    for _ in range(3):
        await fetched(platform, boss, ask)
    listed = (await ask(boss, LISTED))["data"]["project"]["exports"]  # type: ignore[index]
    assert len(listed) == 2
    assert (await bob.get(f"/api/v1/exports/{listed[0]['id']}?project=mill")).status_code == 403
    await ask(boss, EXPORT)
    refused = await ask(boss, EXPORT)
    assert refused["errors"][0]["extensions"]["code"] == "export_running"  # type: ignore[index]
    admin.execute("UPDATE project_export SET created_at = %s", (NOW - 2 * KEPT,))
    await make_exports(platform)
    for table in ("project_export", "project_export_part"):
        assert admin.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)
