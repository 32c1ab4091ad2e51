"""`/api/v1/import`: bulk import of past readings, NDJSON or CSV, as a stream of any length."""

import asyncio
import contextlib
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from backend.acquisition.bulk_import import ImportJob, begin_job, run_job
from backend.application.graphql.context import Door, outside_uid
from backend.application.rest.doors import OwnPage, ProjectDoor
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound, TooMuch
from backend.core.ids import encode_id
from backend.service.people.roles import Permission

router = APIRouter(tags=["import"], route_class=OnceRoute)

MAX_BYTES = 2_000_000_000
AT_ONCE = 2
"""Imports that one web process works on; more are refused until one is done."""

_running: set[asyncio.Task[ImportJob]] = set()


class ImportAnswer(BaseModel):
    """An import and how far it is; `error` is a JSON list of {line, code, params}."""

    id: str
    source: str
    state: str
    rows_total: int | None
    rows_done: int
    rows_rejected: int
    error: str | None


@router.post("/import", status_code=202, dependencies=[OwnPage], responses=RESPONSES)
async def begin(
    request: Request,
    response: Response,
    door: OnceDoor,
    source: Annotated[str, Query(min_length=1, max_length=200)] = "upload",
) -> ImportAnswer:
    """Take a file of readings (docs/extending.md) and import it; progress is at `Location`."""
    door.require(Permission.IMPORT)
    if len(_running) >= AT_ONCE:
        raise TooMuch("imports_running", most=AT_ONCE, retry_after_s=30)
    path = await _received(request)
    now = door.process.platform.clock.now()
    with contextlib.ExitStack() as unused:
        unused.callback(path.unlink)
        async with door.opens.project(door.project.id) as tx:
            job = await begin_job(tx, door.project.id, source, now)
            tx.after_commit(partial(_start, door, job, path))
            id = encode_id("imp", job.uid)
            answer = await _show(tx, door, id)
        unused.pop_all()
    response.headers["Location"] = f"/api/v1/import/{id}?project={door.project.slug}"
    return answer


async def _start(door: Door, job: ImportJob, path: Path) -> None:
    task = asyncio.create_task(_work(door, job, path))
    _running.add(task)
    task.add_done_callback(_running.discard)


@router.get("/import/{id}")
async def show(id: str, door: ProjectDoor) -> ImportAnswer:
    """Answer how far an import is."""
    async with door.read() as tx:
        return await _show(tx, door, id)


async def _show(tx: ReadSession, door: Door, id: str) -> ImportAnswer:
    row = await tx.fetch_one(
        "SELECT source, state, rows_total, rows_done, rows_rejected, error FROM import_job"
        " WHERE project_id = %s AND uid = %s",
        (door.project.id, outside_uid("imp", id)),
    )
    if row is None:
        raise NotFound(kind="import")
    return ImportAnswer(id=id, **row)


async def _work(door: Door, job: ImportJob, path: Path) -> ImportJob:
    platform = door.process.platform
    try:
        return await run_job(platform.database, platform.clock, job, path)
    finally:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(path.unlink)


async def _received(request: Request) -> Path:
    """Write the body to a file of its own; InvalidInput when it is empty or too large."""
    size = 0
    # Closed here, read and removed by the import.
    with tempfile.NamedTemporaryFile(prefix="kilowise-import-", delete=False) as file:
        path = Path(file.name)
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BYTES:
                break
            await asyncio.to_thread(file.write, chunk)
    if 0 < size <= MAX_BYTES:
        return path
    await asyncio.to_thread(path.unlink)
    raise (
        InvalidInput("import_empty")
        if size == 0
        else InvalidInput("body_too_large", limit=MAX_BYTES)
    )
