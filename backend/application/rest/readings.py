"""`/api/v1/readings`: what was measured, sample by sample, of one point or several."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from backend.acquisition.readings import between
from backend.application.directory import Directory, LivePoint
from backend.application.exports import Export
from backend.application.graphql.context import Door, outside_uid
from backend.application.rest.doors import ProjectDoor, SignedIn
from backend.application.rest.exports import Form, Row, exported
from backend.application.rest.instants import aware
from backend.application.rest.json_answers import json_answer
from backend.application.rest.paging import After, cursor, read_cursor
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import NOBODY
from gateway.contract.quality import Quality

router = APIRouter(tags=["figures"])

COLUMNS: Final = ("device", "point", "time", "value", "unit", "quality")
MOST_POINTS: Final = 20
PIECE: Final = timedelta(hours=6)
"""What is read at once of one point: a file of any length takes no more memory than this."""
MOST_PIECES: Final = 8000
MOST_AT_ONCE: Final = 10_000
LONGEST_PAGES: Final = timedelta(days=35)
"""The longest span that is told in pages; longer ones are files."""
SAMPLES: Final = (
    "SELECT ts, value, quality FROM ("
    + between("%(point)s", "%(low)s", "%(high)s")
    + ") samples ORDER BY ts LIMIT %(first)s"
)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """Points and the span [start, end) that is asked for."""

    points: Sequence[LivePoint]
    start: datetime
    end: datetime


@router.get("/readings", response_class=Response)
async def readings(
    door: ProjectDoor,
    caller: SignedIn,
    start: datetime,
    end: datetime,
    meter: str | None = None,
    device: str | None = None,
    point: Annotated[list[str] | None, Query(max_length=MOST_POINTS)] = None,
    format: Form = Form.JSON,  # noqa: A002 - what the address calls it
    first: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 1000,
    after: After = None,
) -> Response:
    """Answer readings of a meter's register, or of named points of it or of a device.

    JSON comes in pages and of one point; CSV, NDJSON and XLSX are whole files, sorted by quarters
    of a day (UTC), then by point and time.
    """
    begin, until = aware(start), aware(end)
    if until <= begin:
        raise InvalidInput("span_empty")
    asked = Asked(_points(await door.directory(), meter, device, point), begin, until)
    if format is Form.JSON:
        return await _page(door, asked, first, after)
    pieces = -(-(until - begin) // PIECE) * len(asked.points)
    if pieces > MOST_PIECES:
        raise InvalidInput("export_long", most=MOST_PIECES // 4)
    about = {
        "points": [one.key for one in asked.points],
        "start": begin.isoformat(),
        "end": until.isoformat(),
    }
    export = Export(door, caller, "readings", meter or device or "", about)
    return await exported(format, export, COLUMNS, _pieces(door, asked))


def _points(
    directory: Directory, meter: str | None, device: str | None, names: Sequence[str] | None
) -> list[LivePoint]:
    """Answer the points asked for; NotFound for what this member does not see."""
    if (meter is None) == (device is None):
        raise InvalidInput("readings_of")
    if meter is not None:
        number = directory.meter_ids.get(outside_uid("mtr", meter) or NOBODY)
        if number is None:
            raise NotFound(kind="meter")
        row = directory.meters[number]
        wanted = names or [row.register_name or row.power_name or ""]
        found = [directory.point(row, name) for name in wanted]
    else:
        points = [one for one in directory.points.values() if one.device_id == device]
        if not points:
            raise NotFound(kind="device")
        by_name = {one.key: one for one in points}
        found = [by_name.get(name) for name in names or []]
    if not found or None in found:
        raise NotFound(kind="point")
    return [one for one in found if one is not None]


async def _page(door: Door, asked: Asked, first: int, after: str | None) -> Response:
    if len(asked.points) != 1 or asked.end - asked.start > LONGEST_PAGES:
        raise InvalidInput("readings_pages", days=LONGEST_PAGES.days)
    [point] = asked.points
    last = read_cursor(after, datetime)
    low = asked.start if last is None else max(asked.start, aware(last) + _INSTANT)
    rows = await _read(door, point, low, asked.end, first + 1)
    part = rows[:first]
    return json_answer(
        {
            "device": point.device_id,
            "point": point.key,
            "unit": point.unit,
            "items": [
                {"time": time, "value": value, "quality": quality}
                for _, _, time, value, _, quality in part
            ],
            "next": cursor(part[-1][2]) if len(rows) > first else None,
        }
    )


async def _pieces(door: Door, asked: Asked) -> AsyncIterator[Sequence[Row]]:
    low = asked.start
    while low < asked.end:
        high = min(low + PIECE, asked.end)
        for point in asked.points:
            rows = await _read(door, point, low, high, None)
            if rows:
                yield rows
        low = high


async def _read(
    door: Door, point: LivePoint, low: datetime, end: datetime, first: int | None
) -> list[Row]:
    """Read [low, end) in a transaction of its own: nobody's slow download holds a connection."""
    about = {"project": door.project.id, "point": point.id, "low": low, "first": first}
    async with door.read() as tx:
        found = await tx.fetch_tuples(SAMPLES.encode(), {**about, "high": end - _INSTANT})
    return [
        (point.device_id, point.key, ts, value, point.unit, Quality(quality).name.lower())
        for ts, value, quality in found
    ]
