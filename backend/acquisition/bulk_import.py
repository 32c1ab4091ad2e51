"""Bulk import of readings into one project, through the same store as what gateways send.

The file's points are made like those of a birth when they are new. The newest day is stored first.
A reading that is there already is left as it is, so an import can be repeated. Progress is a row of
`import_job` and an event `import`; faults are codes with line numbers, never sentences.
"""

import asyncio
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from backend.acquisition import births, cold
from backend.acquisition.accounted import read_accounted
from backend.acquisition.batch import Batch, Row
from backend.acquisition.born import BornDevice, BornPoint, is_fit_name
from backend.acquisition.import_file import (
    BadRow,
    FileRow,
    ImportFault,
    ImportFile,
    PointLine,
    open_import,
)
from backend.acquisition.store import store
from backend.acquisition.window import IMPORTABLE, Window, read_window
from backend.core import events
from backend.core.clock import Clock
from backend.core.db import Database, WriteSession
from backend.core.errors import NotFound
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from gateway.contract.sparkplug import Metric

BATCH_ROWS = 20_000
TURN = 2000
"""Rows read before the event loop gets its turn."""
MAX_FAULTS = 100
"""Faulty lines that are told one by one; all are counted."""

_GATEWAYS = "SELECT id, slug FROM gateway WHERE project_id = %s ORDER BY id"
_DEVICE_GATEWAYS = "SELECT slug, gateway_id FROM device WHERE project_id = %s ORDER BY id"
_NEW_JOB = """
INSERT INTO import_job (project_id, uid, source, state, created_at)
VALUES (%s, %s, %s, 'running', %s) RETURNING id
"""
_PROGRESS = """
UPDATE import_job
SET state = %(state)s, rows_total = %(total)s, rows_done = %(done)s, rows_rejected = %(rejected)s,
    error = %(error)s, finished_at = %(finished)s
WHERE project_id = %(project)s AND id = %(id)s
"""


class Fault(msgspec.Struct, frozen=True):
    """One fault as `import_job.error` keeps it (JSON list): line, code, parameters."""

    line: int
    code: str
    params: dict[str, str | int] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class ImportJob:
    """A running import: its identity, how far it is, and what was wrong."""

    project_id: int
    id: int
    uid: uuid.UUID
    state: str = "running"
    rows_total: int | None = None
    rows_done: int = 0
    rows_new: int = 0
    rows_rejected: int = 0
    faults: list[Fault] = field(default_factory=list)

    def reject(self, line: int, code: str) -> None:
        """Count one faulty line."""
        self.rows_rejected += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(line, code))


@dataclass(frozen=True, slots=True)
class _Target:
    """A point of the file in the database."""

    point_id: int
    gateway_id: int
    register: bool


async def new_job(database: Database, project_id: int, source: str, now: datetime) -> ImportJob:
    """Record an import that begins now; `source` is the name people gave the file."""
    async with database.project(project_id) as tx:
        return await begin_job(tx, project_id, source, now)


async def begin_job(tx: WriteSession, project_id: int, source: str, now: datetime) -> ImportJob:
    """Record in a transaction what `new_job` records."""
    uid = new_uuid(now)
    number = await tx.fetch_value(_NEW_JOB, (project_id, uid, source, now), into=int)
    await events.publish(tx, project_id, "import", str(uid), now)
    if number is None:
        raise NotFound(kind="imp")
    return ImportJob(project_id, number, uid)


async def run_job(database: Database, clock: Clock, job: ImportJob, path: Path) -> ImportJob:
    """Import a file and answer the finished job; a file that is no import ends it as `failed`."""
    await run_part(database, clock, job, path)
    return await end_job(database, clock, job)


async def run_part(
    database: Database, clock: Clock, job: ImportJob, path: Path, left: int = 1
) -> None:
    """Import one of several files of a job; a file that is no import fails it.

    `left` files are to come, this one included: they are taken to be as long as this one until
    they are there.
    """
    try:
        with tempfile.TemporaryFile() as spool:
            file = await asyncio.to_thread(open_import, path, spool)
            try:
                await _import(database, clock, job, file, left)
            finally:
                file.stream.close()
    except ImportFault as fault:
        job.state = "failed"
        job.faults = [Fault(fault.line, fault.code, fault.params)]


async def end_job(database: Database, clock: Clock, job: ImportJob) -> ImportJob:
    """Say that a job is done, unless it has failed."""
    if job.state != "failed":
        job.state = "done"
        job.rows_total = job.rows_done
    await _report(database, job, clock.now())
    return job


async def import_path(platform: Platform, path: Path, project: str) -> ImportJob:
    """Import a file into the project of this slug (`kilowise import`); waits until it is done."""
    async with platform.database.platform_read() as tx:
        project_id = await tx.fetch_value(
            "SELECT id FROM project WHERE slug = %s", (project,), into=int
        )
    if project_id is None:
        raise NotFound(kind="prj", slug=project)
    job = await new_job(platform.database, project_id, path.name, platform.clock.now())
    return await run_job(platform.database, platform.clock, job, path)


async def _import(
    database: Database, clock: Clock, job: ImportJob, file: ImportFile, left: int
) -> None:
    job.rows_total = job.rows_done + left * file.rows_total
    targets = await _make_points(database, job, file, clock.now())
    async with database.ingest() as tx:
        window = (await read_window(tx, clock.now())).since(IMPORTABLE)
    rows = (row for block in file.newest_first() for row in file.rows(block))
    while True:
        batch = await _next_batch(job, rows, targets, window)
        if batch is None:
            return
        async with database.project(job.project_id) as tx:
            job.rows_new += len(await cold.join(tx, job.project_id, batch.late))
        batch.late.clear()
        stored = await store(database, batch, clock)
        job.rows_new += len(stored.rows)
        job.rows_rejected += stored.quarantined
        await _report(database, job, clock.now())


async def _next_batch(
    job: ImportJob,
    rows: Iterator[FileRow | BadRow],
    targets: dict[int, _Target],
    window: Window,
) -> Batch | None:
    """Answer the next batch; None at the end of the file."""
    batch = Batch()
    while len(batch.rows) + len(batch.late) < BATCH_ROWS:
        turn = list(islice(rows, TURN))
        if not turn:
            break
        for row in turn:
            job.rows_done += 1
            _add(batch, job, row, targets, window)
        await asyncio.sleep(0)
    else:
        return batch
    return batch or None


def _add(
    batch: Batch,
    job: ImportJob,
    row: FileRow | BadRow,
    targets: dict[int, _Target],
    window: Window,
) -> None:
    if isinstance(row, BadRow):
        job.reject(row.line, row.code)
        return
    target = targets.get(row.point)
    refusal = window.refusal(row.ts_ms)
    if target is None or refusal is not None:
        job.reject(row.line, f"import_{refusal}" if refusal else "import_unknown_point")
        return
    if row.value is None:
        # A missing sample has no reading; it is not a 0.
        return
    key = (job.project_id, target.point_id)
    reading = Row(*key, row.ts_ms, row.value, row.quality)
    if window.is_late(row.ts_ms):
        batch.late.append(reading)
        return
    batch.rows.append(reading)
    batch.gateways[key] = target.gateway_id
    if target.register:
        batch.registers.add(key)


async def _make_points(
    database: Database, job: ImportJob, file: ImportFile, now: datetime
) -> dict[int, _Target]:
    """Make the devices and points of the file that are not there; answer them by their number."""
    async with database.ingest() as tx:
        gateways = await tx.fetch_tuples(_GATEWAYS, (job.project_id,))
        devices_there = await tx.fetch_tuples(_DEVICE_GATEWAYS, (job.project_id,))
        gauges = await read_accounted(tx, None, now)
    homes = {str(slug): int(number) for slug, number in devices_there}
    by_slug = {str(slug): int(number) for number, slug in gateways}
    if file.gateway is not None and file.gateway not in by_slug:
        raise ImportFault("import_unknown_gateway", 1, gateway=file.gateway)
    fallback = by_slug.get(file.gateway or "") or (min(by_slug.values()) if by_slug else None)
    devices: dict[str, list[PointLine]] = {}
    for point in file.points.values():
        if is_fit_name(point.device) and is_fit_name(point.name):
            devices.setdefault(point.device, []).append(point)
    targets: dict[int, _Target] = {}
    for slug, points in devices.items():
        home = by_slug.get(file.gateway or "") or homes.get(slug) or fallback
        if home is None:
            raise ImportFault("import_no_gateway", 1, device=slug)
        async with database.ingest() as tx:
            ids = await births.import_device(tx, job.project_id, home, _device(slug, points), now)
        for point in points:
            key = (job.project_id, ids[point.name])
            targets[point.id] = _Target(key[1], home, point.kind == "register" or key in gauges)
    return targets


def _device(slug: str, points: list[PointLine]) -> BornDevice:
    born = tuple(
        BornPoint(
            point.name,
            None,
            point.kind if point.kind in {"register", "gauge", "status"} else "gauge",
            point.unit,
            point.modulus,
            point.resolution,
            point.max_gap_s,
            Metric(point.name),
        )
        for point in points
    )
    return BornDevice(slug, None, points[0].profile, None, False, born)


async def _report(database: Database, job: ImportJob, now: datetime) -> None:
    error = msgspec.json.encode(job.faults).decode() if job.faults else None
    async with database.project(job.project_id) as tx:
        await tx.execute(
            _PROGRESS,
            {
                "state": job.state,
                "total": job.rows_total,
                "done": job.rows_done,
                "rejected": job.rows_rejected,
                "error": error,
                "finished": None if job.state == "running" else now,
                "project": job.project_id,
                "id": job.id,
            },
        )
        await events.publish(tx, job.project_id, "import", str(job.uid), now)
