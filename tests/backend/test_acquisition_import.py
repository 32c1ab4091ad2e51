"""Bulk import: both forms, packed or not, faulty lines told by number, repeatable, newest first."""

import gzip
import json
from pathlib import Path

import msgspec
import psycopg
import pytest

from backend.acquisition.bulk_import import Fault, ImportJob, import_path
from backend.acquisition.import_file import open_import
from backend.core.errors import NotFound
from backend.core.platform import Platform
from tests.backend.acquisition_edge import NOW_MS, make_gateway, readings
from tests.postgres import MakeProject, Tenant

HEADER = {
    "kilowise": "readings",
    "version": 1,
    "gateway": "g1",
    "points": [
        {
            "id": 7,
            "device": "inc-1",
            "name": "ep_imp",
            "kind": "register",
            "unit": "kWh",
            "modulus": 1_000_000,
            "resolution": 0.01,
            "max_gap_s": 1200,
        },
        {"id": 9, "device": "inc-1", "name": "p", "unit": "kW"},
    ],
}
DAY_MS = 86_400_000


@pytest.fixture
async def tenant(platform: Platform, make_project: MakeProject) -> Tenant:
    """The project `a` with the gateways g0 and g1."""
    tenant = await make_project("a")
    await make_gateway(platform.database, tenant, "g0", "x")
    await make_gateway(platform.database, tenant, "g1", "y")
    return tenant


def ndjson(*rows: object) -> bytes:
    """A file of our own form."""
    return "\n".join(json.dumps(row) for row in (HEADER, *rows)).encode() + b"\n"


def faults(job: ImportJob) -> list[Fault]:
    """What the job tells of faulty lines."""
    return job.faults


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
async def test_ndjson(platform: Platform, tenant: Tenant, tmp_path: Path, pack: type) -> None:
    file = tmp_path / "history.ndjson"
    file.write_bytes(
        pack(
            ndjson(
                [7, "2026-03-14T23:45:00Z", 100.25, 0],
                [9, NOW_MS - 1000, 3],
                [7, "2026-03-15T08:00:00+08:00", 101.5, 1],
                [9, NOW_MS, None, 5],
            )
        )
    )
    job = await import_path(platform, file, "a")
    assert (job.state, job.rows_total, job.rows_done, job.rows_new) == ("done", 4, 4, 3)
    assert (job.rows_rejected, job.faults) == (0, [])
    quarter_to = -15_300_000
    assert await readings(platform.database, tenant.id) == [
        ("inc-1", "ep_imp", quarter_to, 100.25, 0),
        ("inc-1", "ep_imp", quarter_to + 900_000, 101.5, 1),
        ("inc-1", "p", -1000, 3.0, 0),
    ]
    async with platform.database.read(tenant.id) as tx:
        assert await tx.fetch_tuples(
            "SELECT p.kind, p.unit, p.modulus, p.resolution, p.max_gap_s, g.slug FROM point p"
            " JOIN device d ON d.id = p.device_id JOIN gateway g ON g.id = d.gateway_id"
            " ORDER BY p.name"
        ) == [
            ("register", "kWh", 1_000_000.0, 0.01, 1200, "g1"),
            ("gauge", "kW", None, None, 900, "g1"),
        ]
        assert await tx.fetch_tuples("SELECT count(*) FROM dirty") == [(1,)]
        assert await tx.fetch_tuples(
            "SELECT state, rows_total, rows_done, rows_rejected, error, source,"
            " finished_at = %s FROM import_job",
            (platform.clock.now(),),
        ) == [("done", 4, 4, 0, None, "history.ndjson", True)]
        kinds = await tx.fetch_tuples("SELECT DISTINCT kind, ref FROM event")
        assert kinds == [("import", str(job.uid))]


async def test_an_import_repeated_changes_nothing(
    platform: Platform, tenant: Tenant, tmp_path: Path
) -> None:
    file = tmp_path / "history.ndjson"
    file.write_bytes(ndjson([7, NOW_MS - 900_000, 1.0], [7, NOW_MS, 2.0]))
    assert (await import_path(platform, file, "a")).rows_new == 2
    file.write_bytes(ndjson([7, NOW_MS - 900_000, 77.0], [7, NOW_MS - 1000, 1.5], [7, NOW_MS, 2.0]))
    job = await import_path(platform, file, "a")
    assert (job.state, job.rows_done, job.rows_new) == ("done", 3, 1)
    assert [row[2:4] for row in await readings(platform.database, tenant.id)] == [
        (-900_000, 1.0),
        (-1000, 1.5),
        (0, 2.0),
    ]


async def test_faulty_lines_are_told_and_the_rest_is_stored(
    platform: Platform, tenant: Tenant, tmp_path: Path
) -> None:
    file = tmp_path / "history.ndjson"
    file.write_bytes(
        ndjson(
            [7, NOW_MS, 1.0],
            [8, NOW_MS, 1.0],
            [7, "yesterday", 1.0],
            [7, "2026-03-15T00:00:00", 1.0],
            [7, NOW_MS - 1, "x"],
            [7, NOW_MS - 1, 1.0, 9],
            [7, 86_400_000, 1.0],
            [7, NOW_MS + DAY_MS, 1.0],
            {"not": "a row"},
            [9, NOW_MS, 5.0],
        )
        + b"[7,1,\n"
    )
    job = await import_path(platform, file, "a")
    assert (job.state, job.rows_total, job.rows_done, job.rows_new) == ("done", 11, 11, 2)
    assert job.rows_rejected == 9
    assert sorted((fault.line, fault.code) for fault in faults(job)) == [
        (3, "import_unknown_point"),
        (4, "import_bad_time"),
        (5, "import_time_without_zone"),
        (6, "import_bad_value"),
        (7, "import_bad_quality"),
        (8, "import_too_old"),
        (9, "import_in_the_future"),
        (10, "import_bad_line"),
        (12, "import_bad_line"),
    ]
    async with platform.database.read(tenant.id) as tx:
        error = await tx.fetch_value("SELECT error FROM import_job", into=str)
    assert msgspec.json.decode(error or "", type=list[Fault]) == faults(job)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import_bad_header"),
        (b'{"kilowise":"readings","version":2}\n', "import_bad_version"),
        (b'{"kilowise":"accounts","version":1}\n', "import_bad_version"),
        (b'{"version":1}\n', "import_bad_header"),
        (b"device,ts,value\n", "import_bad_header"),
        (b"\x1f\x8bnot gzip", "import_bad_gzip"),
        (ndjson().replace(b'"g1"', b'"g9"'), "import_unknown_gateway"),
    ],
)
async def test_a_file_that_is_no_import(
    platform: Platform, tenant: Tenant, tmp_path: Path, content: bytes, code: str
) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    job = await import_path(platform, file, "a")
    assert (job.state, [(fault.line, fault.code) for fault in job.faults]) == (
        "failed",
        [(1, code)],
    )
    assert await readings(platform.database, tenant.id) == []


async def test_csv(platform: Platform, tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text(
        "\ufeffdevice,name,ts,value,quality,unit,kind,modulus\n"
        f'"inc,1",ep_imp,{NOW_MS},12.5,,kWh,register,1000000\n'
        "inc-2,vol,2026-03-15T04:00:00Z,3,1,m3,register,\n"
        "inc-2,vol,2026-03-15T04:01:00Z,,5,m3,register,\n"
        "inc-2,vol\n"
    )
    job = await import_path(platform, file, "a")
    assert (job.state, job.rows_new, job.rows_rejected) == ("done", 2, 1)
    assert [(fault.line, fault.code) for fault in job.faults] == [(5, "import_bad_line")]
    assert await readings(platform.database, tenant.id) == [
        ("inc,1", "ep_imp", 0, 12.5, 0),
        ("inc-2", "vol", 0, 3.0, 1),
    ]


async def test_the_newest_day_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(
        ndjson(*([7, day * DAY_MS + n, float(day)] for day in (5, 6, 7) for n in (1, 2)))
    )
    with (tmp_path / "spool").open("w+b") as spool:
        opened = open_import(file, spool)
        with opened.stream:
            rows = [row for block in opened.newest_first() for row in opened.rows(block)]
    assert [row.line for row in rows] == [6, 7, 4, 5, 2, 3]


async def test_the_stranger_imports_into_nobody_elses_project(
    platform: Platform, tenant: Tenant, make_project: MakeProject, tmp_path: Path
) -> None:
    await make_gateway(platform.database, await make_project("b"), "g1", "z")
    file = tmp_path / "f"
    file.write_bytes(ndjson([7, NOW_MS, 1.0]))
    assert (await import_path(platform, file, "b")).rows_new == 1
    assert await readings(platform.database, tenant.id) == []
    with pytest.raises(NotFound):
        await import_path(platform, file, "c")


async def test_35_days_are_imported_exactly(
    platform: Platform, tenant: Tenant, tmp_path: Path, admin: psycopg.Connection
) -> None:
    start = NOW_MS - 35 * DAY_MS
    points = [
        {"id": n, "device": f"m{n}", "name": "ep_imp", "kind": "register", "unit": "kWh"}
        for n in range(60)
    ]
    lines = [json.dumps({**HEADER, "points": points})]
    lines += [
        f"[{n},{start + quarter * 900_000},{quarter * 1.25 + n}]"
        for quarter in range(1, 35 * 96 + 1)
        for n in range(60)
    ]
    file = tmp_path / "f"
    file.write_text("\n".join(lines))
    job = await import_path(platform, file, "a")
    assert (job.state, job.rows_new, job.rows_rejected) == ("done", 35 * 96 * 60, 0)
    assert admin.execute("SELECT count(*), sum(value) FROM reading").fetchone() == (
        201_600,
        sum(quarter * 1.25 for quarter in range(1, 3361)) * 60 + 3360 * sum(range(60)),
    )
