"""Old months of the audit stand in files; files and table are one chain, whatever interrupts."""

import asyncio
import gzip
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from backend.core import audit
from backend.core.audit import Deed, record
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.errors import OperatingError, SettingError
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.core.settings import Settings, load_settings
from backend.service.audit import forward, month_file
from backend.service.audit.moving import keep_audit, move_month, outset
from backend.service.audit.verify import verify
from backend.service.projects.upkeep import keep_projects
from tests.backend.audit_killed import WHERE
from tests.backend.test_audit_syslog import receiving, telling
from tests.postgres import NOW, MakeProject, Tenant

INSTANTS = (
    "2023-12-30T08:00:00Z",
    "2023-12-31T23:59:59.5Z",
    "2024-01-01T00:00:00.1Z",
    "2023-12-31T23:59:59.9Z",
    "2024-02-10T08:00:00Z",
    "2024-03-01T00:00:00Z",
    "2026-03-01T08:00:00Z",
)
"""The fourth was written a moment late: its place is after the third. 24 months before the clock
is March 2024.
"""


@pytest.fixture
async def mill(database: Database, make_project: MakeProject) -> Tenant:
    """A project with an audit of more than two years."""
    project = await make_project("mill")
    for number, at in enumerate(INSTANTS, start=1):
        async with database.project(project.id) as tx:
            deed = Deed("per_anna", "key.make", f"key_{number}", "done", 7, None, {"name": "电表"})
            await record(tx, project.id, deed, datetime.fromisoformat(at))
    return project


def files(platform: Platform, project: Tenant) -> dict[str, list[dict[str, object]]]:
    """The lines of every file of a project."""
    folder = platform.settings.audit_folder / encode_id("prj", project.uid)
    return {
        file.name: [json.loads(line) for line in gzip.open(file, "rt")]
        for file in sorted(folder.iterdir())
    }


def file_of(platform: Platform, project: Tenant, month: str) -> Path:
    """A file of a project."""
    folder = platform.settings.audit_folder / encode_id("prj", project.uid)
    return folder / f"{month}.ndjson.gz"


async def numbers(database: Database, project: Tenant) -> list[int]:
    """The numbers that stand in the table."""
    async with database.read(project.id) as tx:
        return [one.number for one in await audit.entries_after(tx, project.id, 0, 1000)]


@pytest.mark.both_postgres
async def test_a_month_is_a_file_and_the_chain_goes_on(
    platform: Platform, database: Database, mill: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    before = await verify(platform, "mill")
    assert before.startswith("mill: 7 entries whole, head ")
    await keep_audit(platform)
    assert await numbers(database, mill) == [6, 7, 8, 9, 10]
    found = files(platform, mill)
    assert {name: [line.get("number") for line in lines] for name, lines in found.items()} == {
        "2023-12.ndjson.gz": [None, 1, 2],
        "2024-01.ndjson.gz": [None, 3, 4],
        "2024-02.ndjson.gz": [None, 5],
    }
    head, first, last = found["2024-01.ndjson.gz"]
    assert head == {
        "format": "kilowise-audit-1",
        "project": encode_id("prj", mill.uid),
        "month": "2024-01",
        "first": 3,
        "last": 4,
        "before": found["2023-12.ndjson.gz"][2]["hash"],
        "head": last["hash"],
    }
    assert first == {
        "number": 3,
        "at": "2024-01-01T00:00:00.100000Z",
        "person_id": 7,
        "actor": "per_anna",
        "action": "key.make",
        "ref": "key_3",
        "old": None,
        "new": '{"name":"电表"}',
        "result": "done",
        "hash": first["hash"],
    }
    async with database.read(mill.id) as tx:
        moved = (await audit.newest(tx, mill.id, audit.Chosen(), 1))[0]
        month = (await audit.moved_months(tx, mill.id))[-1]
    assert (moved.action, moved.ref, moved.actor) == ("audit.move", "2024-02", "kilowise")
    assert json.loads(moved.new or "") == {
        "first": 5,
        "last": 5,
        "bytes": month.bytes,
        "sha256": month.sha256,
    }
    after = await verify(platform, "mill")
    assert after == f"mill: 10 entries whole, the older ones in 3 files, head {moved.hash.hex()}"
    mode = file_of(platform, mill, "2024-01").stat().st_mode
    assert mode & 0o077 == 0


@pytest.mark.both_postgres
async def test_what_is_young_stays_and_so_does_the_newest_entry(
    platform: Platform, database: Database, mill: Tenant, clock: ManualClock
) -> None:
    longer = replace(platform, settings=platform.settings.model_copy(update={"audit_months": 27}))
    assert await move_month(longer, mill.id) is None
    await clock.advance(timedelta(days=20).total_seconds())
    assert await move_month(longer, mill.id) == "2023-12"
    assert await move_month(longer, mill.id) is None
    # Whatever an application says, the database moves nothing of the last six months ...
    async with database.read(mill.id) as tx:
        hashes = {e.number: e.hash for e in await audit.entries_after(tx, mill.id, 0, 9)}
    recent = datetime.now(UTC) - timedelta(days=170)
    async with database.project(mill.id) as tx:
        await record(tx, mill.id, Deed("per_anna", "x", "y", "done"), recent)
        await record(tx, mill.id, Deed("per_anna", "x", "y", "done"), recent)
        newest = await audit.entries_after(tx, mill.id, 8, 9)
    for upto, head, told in (
        (newest[-2].number, newest[-2].hash, "last six months stay"),
        (newest[-1].number, newest[-1].hash, "newest entry"),
        (4, hashes[5], "has another hash"),
    ):
        with pytest.raises(errors.RaiseException, match=told):
            async with database.owner(mill.id) as owner:
                await owner.fetch_tuples(
                    "SELECT audit_move_out(%s, 'x', %s, %s, 'sum', 1, %s)",
                    (mill.id, upto, head, NOW),
                )
    # ... and nothing at all for the roles that serve people.
    for sql in ("SELECT audit_move_out(%s, 'x', 3, '', '', 1, now())",
                "DELETE FROM audit_file WHERE project_id = %s"):  # fmt: skip
        with pytest.raises(errors.InsufficientPrivilege):
            async with database.project(mill.id) as tx:
                await tx.fetch_tuples(sql.encode(), (mill.id,))
    assert (await numbers(database, mill))[0] == 3


async def test_a_missing_or_damaged_file_is_named(
    platform: Platform, database: Database, mill: Tenant, admin: psycopg.Connection
) -> None:
    await keep_audit(platform)
    whole = await verify(platform, "mill")
    middle = file_of(platform, mill, "2024-01")
    kept = middle.read_bytes()
    lines = gzip.decompress(kept).splitlines(keepends=True)
    forged = lines[2].replace(b"per_anna", b"per_ella")
    for content, entry in (
        (kept[:-20], 4),
        (gzip.compress(b"".join([*lines[:2], forged])), 4),
        (gzip.compress(b"".join(lines[:2])), 4),
        (gzip.compress(b"".join([lines[0], lines[2]])), 3),
        (gzip.compress(b"{}\n"), 3),
        (gzip.compress(b"".join(lines), 1), 3),
        (b"", 3),
    ):
        middle.write_bytes(content)
        with pytest.raises(OperatingError) as refused:
            await verify(platform, "mill")
        assert refused.value.sentence == (
            f"mill: broken at entry {entry}\nmill: the file {middle} is damaged from entry"
            f" {entry} on; bring it back from a backup"
        )
    middle.unlink()
    with pytest.raises(OperatingError) as refused:
        await verify(platform, "mill")
    assert refused.value.sentence.splitlines()[1] == (
        f"mill: the file {middle} is missing from entry 3 on; bring it back from a backup"
    )
    middle.write_bytes(kept)
    assert await verify(platform, "mill") == whole
    # Rows that say less than there was.
    admin.execute("DELETE FROM audit_file WHERE project_id = %s AND last_number = 2", (mill.id,))
    with pytest.raises(OperatingError, match="broken at entry 3"):
        await verify(platform, "mill")


async def test_what_was_tampered_with_is_not_moved(
    platform: Platform, database: Database, mill: Tenant, admin: psycopg.Connection
) -> None:
    admin.execute("UPDATE audit SET actor = 'per_x' WHERE project_id = %s AND number = 2",
                  (mill.id,))  # fmt: skip
    await keep_audit(platform)
    assert await numbers(database, mill) == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(OperatingError, match="broken at entry 2"):
        await verify(platform, "mill")


async def test_a_kill_between_any_two_steps_loses_nothing(
    platform: Platform, database: Database, mill: Tenant
) -> None:
    urls = {role: database.url(role) for role in ("kw_app", "kw_owner")}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.backend.audit_killed", str(mill.id),
        str(platform.settings.data_folder), json.dumps(urls), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await child.communicate()
    assert told.decode().splitlines() == [
        *(f"{step} 9 7 mill: 7 entries whole" for step in list(WHERE)[:-1]),
        "commit 9 6 mill: 8 entries whole",
    ]
    await keep_audit(platform)
    assert await numbers(database, mill) == [6, 7, 8, 9, 10]
    assert (await verify(platform, "mill")).startswith(
        "mill: 10 entries whole, the older ones in 3"
    )
    assert list(files(platform, mill)) == [
        f"{month}.ndjson.gz" for month in ("2023-12", "2024-01", "2024-02")
    ]


async def test_two_workers_move_a_month_once(platform: Platform, mill: Tenant) -> None:
    moved = await asyncio.gather(*(move_month(platform, mill.id) for _ in range(4)))
    assert moved.count("2023-12") == 1
    while await move_month(platform, mill.id) is not None:
        pass
    assert (await verify(platform, "mill")).startswith("mill: 10 entries whole")


async def test_a_log_server_is_told_what_stands_in_files_too(
    platform: Platform,
    database: Database,
    mill: Tenant,
    make_project: MakeProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward, "LOOK_S", 0.05)
    await keep_audit(platform)
    hidden = file_of(platform, mill, "2024-02")
    away = hidden.rename(hidden.with_name("away"))
    other = await make_project("other")
    async with database.project(other.id) as tx:
        await record(tx, other.id, Deed("per_anna", "x", "y", "done"), NOW)
    async with receiving(tmp_path) as receiver, telling(platform, receiver):
        # What cannot be read holds up its own project only, and is told once it is back.
        assert sorted(await receiver.numbers(5)) == ["1", "1", "2", "3", "4"]
        away.rename(hidden)
        assert (await receiver.numbers(11))[5:] == ["5", "6", "7", "8", "9", "10"]


async def test_of_an_ended_project_the_last_six_months_are_kept_until_they_are_over(
    platform: Platform,
    database: Database,
    mill: Tenant,
    make_project: MakeProject,
    admin: psycopg.Connection,
    clock: ManualClock,
) -> None:
    await make_project("stays")
    await keep_audit(platform)
    admin.execute("UPDATE project SET delete_at = %s WHERE id = %s", (NOW, mill.id))
    await keep_projects(platform)
    ended = platform.settings.audit_folder / "ended"
    [kept] = ended.iterdir()
    assert [one.name for one in platform.settings.audit_folder.iterdir()] == ["ended"]
    assert kept.name == f"2026-10-01.{encode_id('prj', mill.uid)}.ndjson.gz"
    assert [one.number for one in month_file.entries(kept, 0)] == [6, 7, 8, 9, 10]
    await clock.advance((datetime(2026, 9, 30, 23, tzinfo=UTC) - NOW).total_seconds())
    await keep_projects(platform)
    assert list(ended.iterdir()) == [kept]
    await clock.advance(3600)
    await keep_projects(platform)
    assert list(ended.iterdir()) == []


def test_less_than_six_months_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOWISE_AUDIT_MONTHS", "5")
    with pytest.raises(SettingError, match="at least 6 months"):
        load_settings()
    monkeypatch.setenv("KILOWISE_AUDIT_MONTHS", "6")
    assert load_settings().audit_months == 6
    assert Settings(data=Path("/x")).audit_folder == Path("/x/audit")
    assert outset(NOW, 3) == datetime(2025, 12, 1, tzinfo=UTC)
    assert outset(NOW, 2) == datetime(2026, 1, 1, tzinfo=UTC)
