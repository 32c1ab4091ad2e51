"""Which register or gauge a meter is read from, and when: its own point, or another for a time.

A meter's own point is that of its row: `point_id`, else the point of its device by name (its
`register_name`, for gauges its `power_name`). Rows of `meter_source` take its place in [valid_from,
valid_to), so that a restatement can move a meter to another register in the past. All borders are
those of quarter hours: a quarter hour has one source.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final, NamedTuple

from backend.aggregation.calendar import quarter_of
from backend.aggregation.dirty import mark_points
from backend.aggregation.events import ALWAYS, Span
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotFound
from gateway.contract.energy import EnergyType, energy_type
from gateway.contract.units import WrongDimension

KINDS: Final = {"register": "register", "manual": "register", "gauge": "gauge"}
"""The kind of point that each source of a meter is read from; other sources have none."""
NEVER: Final = -ALWAYS
"""Earlier than every instant."""
OWN: Final = """
SELECT p.id AS point, m.id AS meter FROM meter m JOIN point p ON p.project_id = %(project)s
    AND p.device_id = m.device_id
    AND p.name = CASE m.source WHEN 'gauge' THEN m.power_name ELSE m.register_name END
WHERE m.project_id = %(project)s AND m.point_id IS NULL AND {condition}
UNION ALL
SELECT p.id, m.id FROM meter m JOIN point p ON p.project_id = %(project)s AND p.id = m.point_id
WHERE m.project_id = %(project)s AND {condition}
"""
"""Meters `m` with their own points `p`, in two parts that the planner looks up by their keys."""

OWNERS: Final = """
SELECT o.id FROM meter o WHERE o.project_id = %(project)s AND o.point_id IS NULL
    AND o.device_id = p.device_id
    AND p.name = CASE o.source WHEN 'gauge' THEN o.power_name ELSE o.register_name END
UNION ALL
SELECT o.id FROM meter o WHERE o.project_id = %(project)s AND o.point_id = p.id
"""
"""The meters whose own point is the row `p` of POINTS."""
POINTS: Final = """
unnest(%(points)s::bigint[]) AS u (point)
CROSS JOIN LATERAL (
    SELECT * FROM point e WHERE e.project_id = %(project)s AND e.id = u.point OFFSET 0) AS p
"""
"""The points of a statement, each looked up by its key, whatever the planner believes."""


class Source(NamedTuple):
    """In [start, end), microseconds, a meter was read from this point."""

    meter: int
    start: int
    end: int
    point: int


class Part(NamedTuple):
    """In [start, end) a meter counts what a register says, or has no account at all."""

    meter: int
    start: int
    end: int
    counts: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """A meter that reads a point, `own` or for a time; it exists in `life` (microseconds)."""

    meter: int
    own: bool
    life: Span


def counted_per(energy: EnergyType, kind: str, unit: str) -> Fraction:
    """Answer the smallest units in one of a point's unit; of a gauge: in one for an hour.

    Raises UnknownUnit or WrongDimension.
    """
    return energy.per_point_unit_hour(unit) if kind == "gauge" else energy.per_point_unit(unit)


def share(point: int, reader: Reader, sources: Iterable[Source]) -> list[Part] | None:
    """Answer when a meter counts a point; None: always, and nothing else it ever did.

    Its own point also answers for the time in which the meter did not exist.
    """
    mine = sorted(one for one in sources if one.meter == reader.meter)
    if not mine and reader.own and reader.life == (NEVER, ALWAYS):
        return None
    spans = [
        Span(max(one.start, reader.life.start), min(one.end, reader.life.end))
        for one in mine
        if one.point == point
    ]
    parts = [Part(reader.meter, *span, True) for span in spans if span.start < span.end]
    if reader.own:
        elsewhere = [Span(one.start, one.end) for one in mine]
        parts += [Part(reader.meter, *one, True) for one in without(reader.life, elsewhere)]
        gone = without(Span(NEVER, ALWAYS), [reader.life])
        parts += [Part(reader.meter, *one, False) for one in gone]
    return sorted(parts, key=lambda part: part.start)


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Answer what is left of a span."""
    left, at = [], span.start
    for one in sorted(taken):
        if one.start > at:
            left.append(Span(at, min(one.start, span.end)))
        at = max(at, one.end)
    if at < span.end:
        left.append(Span(at, span.end))
    return [one for one in left if one.start < one.end]


_POINTS: Final = f"""
SELECT o.point FROM ({OWN.format(condition="m.id = ANY(%(meters)s)")}) AS o
UNION
SELECT s.point_id FROM meter_source s
WHERE s.project_id = %(project)s AND s.meter_id = ANY(%(meters)s)
"""
_METERS: Final = f"""
SELECT o.meter FROM ({OWN.format(condition="p.id = ANY(%(points)s)")}) AS o
UNION
SELECT s.meter_id FROM meter_source s
WHERE s.project_id = %(project)s AND s.point_id = ANY(%(points)s)
"""
_OWN_POINT: Final = OWN.format(condition="m.id = %(meter)s").encode()
_FITS: Final = """
SELECT p.unit FROM point p WHERE p.project_id = %s AND p.id = %s AND p.kind = %s
"""


async def points_of(tx: ReadSession, project_id: int, meters: Sequence[int]) -> list[int]:
    """Answer all points that meters are or ever were read from."""
    rows = await tx.fetch_tuples(_POINTS, {"project": project_id, "meters": list(meters)})
    return [row[0] for row in rows]


async def meters_of(tx: ReadSession, project_id: int, points: Sequence[int]) -> list[int]:
    """Answer all meters that are or ever were read from points."""
    rows = await tx.fetch_tuples(_METERS.encode(), {"project": project_id, "points": list(points)})
    return sorted(row[0] for row in rows)


async def read_sources(tx: ReadSession, project_id: int, meters: Sequence[int]) -> list[Source]:
    """Answer what took the place of meters' own points, and when."""
    rows = await tx.fetch_tuples(
        "SELECT meter_id, (extract(epoch FROM valid_from) * 1000000)::bigint,"
        " (extract(epoch FROM valid_to) * 1000000)::bigint, point_id FROM meter_source"
        " WHERE project_id = %s AND meter_id = ANY(%s)",
        (project_id, list(meters)),
    )
    return [Source(meter, start, end or ALWAYS, point) for meter, start, end, point in rows]


async def map_meter(
    tx: WriteSession,
    project_id: int,
    meter: int,
    point: int,
    first: datetime,
    last: datetime | None,
    now: datetime,
) -> None:
    """Have a meter read from `point` in [first, last), for good without an end, and recomputed.

    What was said of that stretch before is replaced. Raises NotFound, and InvalidInput for borders
    that are none of quarter hours and for a point that cannot say what the meter counts.
    """
    _check_stretch(first, last)
    await _check_point(tx, project_id, meter, point)
    before = await points_of(tx, project_id, [meter])
    await _cut_out(tx, project_id, meter, first, last)
    await tx.execute(
        "INSERT INTO meter_source (project_id, meter_id, valid_from, valid_to, point_id)"
        " VALUES (%s, %s, %s, %s, %s)",
        (project_id, meter, first, last, point),
    )
    await mark_points(tx, project_id, [*before, point], first, now if last is None else last)


async def stretch_of(
    tx: ReadSession, project_id: int, meter: int, first: datetime, last: datetime | None
) -> list[tuple[datetime, datetime | None, int]]:
    """Answer what takes the place of a meter's own point in [first, last): start, end, point."""
    rows = await tx.fetch_tuples(
        "SELECT greatest(valid_from, %(first)s), least(valid_to, %(last)s::timestamptz), point_id"
        " FROM meter_source WHERE project_id = %(project)s AND meter_id = %(meter)s"
        " AND coalesce(valid_to, 'infinity') > %(first)s"
        " AND valid_from < coalesce(%(last)s::timestamptz, 'infinity') ORDER BY valid_from",
        {"project": project_id, "meter": meter, "first": first, "last": last},
    )
    return [(start, end, point) for start, end, point in rows]


async def points_between(
    tx: ReadSession, project_id: int, meter: int, first: datetime, last: datetime
) -> list[tuple[datetime, datetime, int]]:
    """Answer what a meter was read from in [first, last) while it existed: start, end, point.

    In time's order; what has no point is left out.
    """
    [(since, until)] = await tx.fetch_tuples(
        "SELECT greatest(valid_from, %s), least(valid_to, %s) FROM meter"
        " WHERE project_id = %s AND id = %s",
        (first, last, project_id, meter),
    )
    since, until = quarter_of(since), quarter_of(until)
    if since >= until:
        return []
    own = await tx.fetch_value(_OWN_POINT, {"project": project_id, "meter": meter}, into=int)
    found: list[tuple[datetime, datetime, int]] = []
    at = since
    for start, end, point in await stretch_of(tx, project_id, meter, since, until):
        if own is not None and at < start:
            found.append((at, start, own))
        at = until if end is None else end
        found.append((start, at, point))
    return [*found, (at, until, own)] if own is not None and at < until else found


async def remap_meter(
    tx: WriteSession,
    project_id: int,
    meter: int,
    stretch: tuple[datetime, datetime | None],
    sources: Sequence[tuple[datetime, datetime | None, int]],
    now: datetime,
) -> None:
    """Have a meter read from `sources` in a stretch, elsewhere in it from its own point.

    The inverse of `map_meter`, for what `stretch_of` answered before it.
    """
    before = await points_of(tx, project_id, [meter])
    await _cut_out(tx, project_id, meter, *stretch)
    await tx.execute_many(
        "INSERT INTO meter_source (project_id, meter_id, valid_from, valid_to, point_id)"
        " VALUES (%s, %s, %s, %s, %s)",
        [(project_id, meter, *source) for source in sources],
    )
    points = {*before, *(point for *_, point in sources)}
    await mark_points(tx, project_id, sorted(points), stretch[0], stretch[1] or now)


def _check_stretch(first: datetime, last: datetime | None) -> None:
    if last is not None and last <= first:
        raise InvalidInput("meter_source_span")
    for border in (first, last or first):
        if border.timestamp() % 900:
            raise InvalidInput("meter_source_quarter")


async def _check_point(tx: ReadSession, project_id: int, meter: int, point: int) -> None:
    row = await tx.fetch_one(
        "SELECT source, energy FROM meter WHERE project_id = %s AND id = %s FOR UPDATE",
        (project_id, meter),
    )
    if row is None:
        raise NotFound(kind="mtr")
    if row["source"] not in KINDS:
        raise InvalidInput("meter_source_none", source=row["source"])
    unit = await tx.fetch_value(_FITS, (project_id, point, KINDS[row["source"]]), into=str)
    if unit is None:
        raise NotFound(kind="point")
    energy = energy_type(row["energy"])
    try:
        counted_per(energy, KINDS[row["source"]], unit)
    except WrongDimension:
        raise InvalidInput("meter_source_unit", unit=unit, energy=energy.code) from None


async def _cut_out(
    tx: WriteSession, project_id: int, meter: int, first: datetime, last: datetime | None
) -> None:
    """Free [first, last) of what was said of it: rows are shortened, split or deleted."""
    rows = await tx.fetch_tuples(
        "DELETE FROM meter_source WHERE project_id = %s AND meter_id = %s"
        " AND coalesce(valid_to, 'infinity') > %s"
        " AND valid_from < coalesce(%s::timestamptz, 'infinity')"
        " RETURNING valid_from, valid_to, point_id",
        (project_id, meter, first, last),
    )
    for start, end, point in rows:
        left = [(start, first)] if start < first else []
        if last is not None and (end is None or end > last):
            left.append((last, end))
        await tx.execute_many(
            "INSERT INTO meter_source (project_id, meter_id, valid_from, valid_to, point_id)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(project_id, meter, *span, point) for span in left],
        )


async def point_at(tx: ReadSession, project_id: int, meter: int, at: datetime) -> int | None:
    """Answer the point that a meter is read from at an instant; None without one."""
    own = await tx.fetch_tuples(_OWN_POINT, {"project": project_id, "meter": meter})
    instead = await tx.fetch_tuples(
        "SELECT point_id FROM meter_source WHERE project_id = %s AND meter_id = %s"
        " AND valid_from <= %s AND coalesce(valid_to, 'infinity') > %s",
        (project_id, meter, at, at),
    )
    found = [*instead, *own]
    return int(found[0][0]) if found else None
