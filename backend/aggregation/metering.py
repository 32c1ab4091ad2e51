"""What the register engine needs of the database, and what it writes back: one project's registers.

Every statement carries the project; windows of many registers are looked up and loaded at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from backend.acquisition.readings import first, last
from backend.aggregation.chunks import Stretch
from backend.aggregation.curve import QUARTER
from backend.aggregation.events import ALWAYS, Events, Span
from backend.aggregation.gauges import recompute_gauge
from backend.aggregation.known import US, read_known
from backend.aggregation.mapping import (
    NEVER,
    OWNERS,
    POINTS,
    Part,
    Reader,
    counted_per,
    read_sources,
    share,
)
from backend.aggregation.planned import planned_stretches
from backend.aggregation.registers import Judgement, RegisterSpec, Trace, judge
from backend.aggregation.window import (
    Missing,
    Recomputed,
    Window,
    ceil_quarter,
    earlier,
    floor_quarter,
    recompute,
)
from backend.aggregation.window_readings import AT, STRETCHES, USABLE, read_readings
from backend.core.db import ReadSession, WriteSession
from gateway.contract.energy import EnergyType, energy_type

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FAR: Final = 4_102_444_800_000_000
"""The year 2100: later than every reading."""
WIDER: Final = 8
"""How much more is loaded each time a window proves too short."""


@dataclass(frozen=True, slots=True)
class Register:
    """A register or gauge point, how it counts, and the meters it is accounted for.

    `meters` always are; those that were read from another point for a time, or have not always
    existed, have `parts`. `kind` is the point's: register or gauge.
    """

    point: int
    energy: EnergyType
    spec: RegisterSpec
    meters: tuple[int, ...]
    kind: str = "register"
    parts: tuple[Part, ...] = ()

    def recompute(self, window: Window) -> Recomputed | Missing:
        """Answer what the window's stretch becomes, or what is missing to say so."""
        if self.kind == "gauge":
            return recompute_gauge(window, self.spec)
        return recompute(window, self.spec)


@dataclass(frozen=True, slots=True)
class Order:
    """A stretch to load: restart before `before`, readings to `beyond` after its end."""

    register: Register
    stretch: Stretch
    before: int
    beyond: int


def instant(micros: int) -> datetime:
    """Answer microseconds since 1970 as an aware time."""
    return EPOCH + timedelta(microseconds=micros)


def micros(moment: datetime) -> int:
    """Answer an aware time as microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


_READ: Final = f"""
SELECT p.id, p.kind, p.unit, p.modulus, p.resolution, p.max_gap_s, m.id AS meter, m.energy,
       m.nameplate_per_hour, r.own, {US.format("m.valid_from")} AS first,
       {US.format("m.valid_to")} AS last
FROM {POINTS}
CROSS JOIN LATERAL (
    SELECT x.meter, bool_or(x.own) AS own
    FROM (SELECT w.id AS meter, true AS own FROM ({OWNERS}) AS w
          UNION ALL
          SELECT s.meter_id, false FROM meter_source s
          WHERE s.project_id = %(project)s AND s.point_id = p.id) AS x
    GROUP BY x.meter
) AS r
CROSS JOIN LATERAL (
    SELECT * FROM meter e WHERE e.project_id = %(project)s AND e.id = r.meter OFFSET 0) AS m
WHERE (m.source IN ('register', 'manual') AND p.kind = 'register')
   OR (m.source = 'gauge' AND p.kind = 'gauge')
ORDER BY p.id, m.id
"""


async def read_registers(
    tx: ReadSession, project_id: int, points: Sequence[int]
) -> dict[int, Register]:
    """Answer the registers and gauges among `points` that a meter is or was read from, by point.

    A meter of another energy than the point's first is left out: its account would be wrong.
    """
    rows = await tx.fetch_all(_READ.encode(), {"project": project_id, "points": list(points)})
    sources = await read_sources(tx, project_id, sorted({row["meter"] for row in rows}))
    found: dict[int, Register] = {}
    for row in rows:
        known = found.get(row["id"]) or _register(row)
        if known.energy.code == row["energy"]:
            parts = share(known.point, _reader(row), sources)
            meters = (*known.meters, row["meter"]) if parts is None else known.meters
            known = replace(known, meters=meters, parts=(*known.parts, *(parts or ())))
        found[row["id"]] = known
    return found


def _reader(row: Mapping[str, object]) -> Reader:
    first, last = row["first"], row["last"]
    life = Span(
        floor_quarter(first) if isinstance(first, int) else NEVER,
        floor_quarter(last) if isinstance(last, int) else ALWAYS,
    )
    return Reader(int(str(row["meter"])), own=row["own"] is True, life=life)


def _register(row: Mapping[str, object]) -> Register:
    nameplate, kind = row["nameplate_per_hour"], str(row["kind"])
    energy, spec = _counting(
        str(row["energy"]),
        kind,
        str(row["unit"]),
        _number(row["resolution"]),
        _number(row["modulus"]),
        nameplate if isinstance(nameplate, int) else None,
        int(str(row["max_gap_s"])),
    )
    return Register(int(str(row["id"])), energy, spec, (), kind)


@lru_cache(maxsize=1_000)
def _counting(
    code: str,
    kind: str,
    unit: str,
    resolution: float | None,
    modulus: float | None,
    nameplate_per_hour: int | None,
    max_gap_s: int,
) -> tuple[EnergyType, RegisterSpec]:
    """Answer how points of a type count: a plant has thousands of them, of a few types."""
    energy = energy_type(code)
    smallest = counted_per(energy, kind, unit)
    spec = RegisterSpec.of(
        smallest_per_point_unit=smallest,
        resolution=resolution,
        modulus=modulus,
        nameplate_per_hour=None
        if nameplate_per_hour is None
        else nameplate_per_hour * energy.smallest_per_unit / smallest,
        max_gap_s=max_gap_s,
    )
    return energy, spec


def shared_out(
    done: Sequence[tuple[Register, Recomputed]],
) -> list[tuple[Register, Recomputed]]:
    """Answer what was recomputed by the meters that it is the account of."""
    found = [
        (replace(register, parts=()) if register.parts else register, result)
        for register, result in done
        if register.meters
    ]
    for register, result in done:
        for part in register.parts:
            low, high = max(result.low, part.start), min(result.high, part.end)
            if low < high:
                inside = [b for b in result.buckets if part.counts and low <= b.start < high]
                one = replace(result, low=low, high=high, buckets=inside)
                found.append((replace(register, meters=(part.meter,), parts=()), one))
    return found


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


async def recompute_stretches(
    tx: ReadSession,
    project_id: int,
    registers: Mapping[int, Register],
    stretches: Sequence[Stretch],
) -> list[tuple[Register, Recomputed]]:
    """Answer what the stretches become; loads more where the first look was too narrow."""
    orders = [
        Order(registers[one.point], one, one.first, QUARTER)
        for one in stretches
        if one.point in registers
    ]
    done: list[tuple[Register, Recomputed]] = []
    while orders:
        again: list[Order] = []
        for order, window in zip(orders, await _windows(tx, project_id, orders), strict=True):
            result = order.register.recompute(window)
            if isinstance(result, Recomputed):
                done.append((order.register, result))
            else:
                again.append(_wider(order, window, result))
        orders = again
    return done


def _wider(order: Order, window: Window, missing: Missing) -> Order:
    if missing is Missing.LATER:
        return replace(order, beyond=order.beyond * WIDER)
    return replace(order, before=earlier(window))


async def read_trace(
    tx: ReadSession, project_id: int, register: Register, first: int, last: int
) -> tuple[Trace, Events]:
    """Answer how a register went over [first, last] (microseconds) and what is known of it there.

    From a settled reading at or before `first` to one after `last`, as far as there are any.
    """
    window = await read_window(tx, project_id, register, first, last)
    return judge(window.readings, register.spec, window.events), window.events


async def read_window(
    tx: ReadSession, project_id: int, register: Register, first: int, last: int
) -> Window:
    """Answer all that the accounts of [first, last] (microseconds) stand on."""
    order = Order(register, Stretch(register.point, first, last), first + 1, QUARTER)
    while True:
        [window] = await _windows(tx, project_id, [order])
        result = register.recompute(window)
        if isinstance(result, Recomputed):
            return window
        order = _wider(order, window, result)


_COUNTED: Final = f"""
    {USABLE} AND NOT EXISTS (
        SELECT 1 FROM register_event x WHERE x.project_id = %(project)s AND x.point_id = o.point
        AND x.kind = 'exclude' AND x.revoked_at IS NULL AND x.ts <= r.ts AND x.until_ts > r.ts)
"""
# Episodes follow one another, so only the last that begins at or before a reading can hold it.
_SETTLED: Final = f"""
    {_COUNTED} AND NOT coalesce((
        SELECT j.until_ts IS NULL OR r.ts < j.until_ts FROM register_judgement j
        WHERE j.project_id = %(project)s AND j.point_id = o.point AND j.ts <= r.ts
        ORDER BY j.ts DESC LIMIT 1), false)
"""
_QUARTER_OF_RESTART: Final = "<= date_bin('15 minutes', restart.ts, 'epoch')"
_BOUNDS: Final = f"""
SELECT {US.format("restart.ts")}, {US.format("begin.ts")}, {US.format("later.ts")}
FROM (SELECT n, point, {AT.format("before")} AS before, {AT.format("beyond")} AS beyond
      FROM unnest(%(points)s::bigint[], %(before)s::bigint[], %(beyond)s::bigint[])
           WITH ORDINALITY AS u (point, before, beyond, n)) AS o
LEFT JOIN LATERAL ({last("o.point", "< o.before", _SETTLED)}) AS restart ON true
LEFT JOIN LATERAL ({last("o.point", _QUARTER_OF_RESTART, _SETTLED)}) AS begin ON true
LEFT JOIN LATERAL ({first("o.point", "o.beyond", _COUNTED)}) AS later ON true
ORDER BY o.n
"""
_JUDGEMENTS: Final = f"""
SELECT o.n, {US.format("j.ts")}, j.kind, j.before_value, j.after_value, j.offset_value,
       {US.format("j.until_ts")}
FROM {STRETCHES}
JOIN register_judgement j ON j.project_id = %(project)s AND j.point_id = o.point
     AND j.ts > o.low AND j.ts <= o.high
ORDER BY o.n, j.ts
"""


async def _windows(tx: ReadSession, project_id: int, orders: Sequence[Order]) -> list[Window]:
    points = [order.register.point for order in orders]
    bounds = await tx.fetch_tuples(
        _BOUNDS,
        {
            "project": project_id,
            "points": points,
            "before": [order.before for order in orders],
            "beyond": [ceil_quarter(order.stretch.last) + order.beyond for order in orders],
        },
    )
    low = [0 if begin is None else begin for _, begin, _ in bounds]
    high = [FAR if later is None else later for _, _, later in bounds]
    span = {"project": project_id, "points": points, "low": low, "high": high}
    specs = [order.register.spec for order in orders]
    readings = await read_readings(tx, span, specs, list(zip(low, high, strict=True)))
    events = await read_known(tx, span, specs)
    planned = await planned_stretches(tx, project_id, points, instant(min(low)), instant(max(high)))
    known: dict[int, list[Judgement]] = {}
    for n, ts, kind, *values, until in await tx.fetch_tuples(_JUDGEMENTS, span):
        spec = orders[n - 1].register.spec
        before, after, offset = (_counts(spec, value) for value in values)
        known.setdefault(n, []).append(Judgement(ts, kind, before, after, offset, until))
    return [
        Window(
            first=order.stretch.first,
            last=order.stretch.last,
            restart=restart,
            readings=readings[n - 1],
            events=replace(events[n - 1], planned=_spans(planned.get(order.register.point, ()))),
            known=known.get(n, ()),
            complete=later is None,
        )
        for n, (order, (restart, _, later)) in enumerate(zip(orders, bounds, strict=True), start=1)
    ]


def _spans(stretches: Iterable[tuple[int, int]]) -> list[Span]:
    return [Span(*one) for one in stretches]


def _counts(spec: RegisterSpec, value: Decimal) -> int:
    return round(Fraction(value) / spec.resolution)


async def write_judgements(
    tx: WriteSession, project_id: int, done: Sequence[tuple[Register, Recomputed]]
) -> None:
    """Replace the judgements of what was recomputed."""
    await tx.execute(
        "DELETE FROM register_judgement j USING"
        " unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS d (point, low, high)"
        " WHERE j.project_id = %s AND j.point_id = d.point AND j.ts > d.low AND j.ts <= d.high",
        (
            [register.point for register, _ in done],
            [instant(0 if one.after is None else one.after) for _, one in done],
            [instant(FAR if one.until is None else one.until) for _, one in done],
            project_id,
        ),
    )
    rows: dict[tuple[int, int], tuple[object, ...]] = {}
    for register, result in done:
        for one in result.judgements:
            values = (register.spec.value(v) for v in (one.before, one.after, one.offset))
            until = None if one.until is None else instant(one.until)
            rows[register.point, one.ts] = (
                register.point, instant(one.ts), one.kind, *values, until
            )  # fmt: skip
    if rows:
        await tx.execute(
            "INSERT INTO register_judgement (project_id, point_id, ts, kind, before_value,"
            " after_value, offset_value, until_ts) SELECT %s, * FROM unnest(%s::bigint[],"
            " %s::timestamptz[], %s::text[], %s::numeric[], %s::numeric[], %s::numeric[],"
            " %s::timestamptz[])",
            (project_id, *(list(column) for column in zip(*rows.values(), strict=True))),
        )
