"""The plant's demand now: read from the contract's meters, held against the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from psycopg.rows import DictRow

from backend.aggregation.demand import (
    Forecast,
    Method,
    Sample,
    demand_at,
    energy_at,
    forecast,
    maximum,
)
from backend.core.db import ReadSession

EXCESS_RATIO = 1.05
"""Demand above 105 % of the contract is charged double (domain.md 2.5, unconfirmed)."""
SLACK = timedelta(minutes=20)
"""How far before the window a meter's sample is looked for (report by exception)."""
GRID = timedelta(seconds=30)
"""Of every second sample only the first and last of each 30 s count: energies at the grid's
instants lie between these."""
STALE = timedelta(minutes=3)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Metered = tuple[float, list[Sample]]
"""A meter's coefficient and samples."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A supply contract: where it is measured, powers in kW, price per kW and month."""

    node_id: int
    contract_kw: int
    method: Method
    price_per_kw: Decimal
    confirmed: bool

    @property
    def limit_kw(self) -> float:
        """Above this the excess is charged double."""
        return self.contract_kw * EXCESS_RATIO


@dataclass(frozen=True, slots=True)
class Shed:
    """Equipment to stop: its node, power in kW, minutes it may stay off."""

    node_id: int
    name: dict[str, str]
    power_kw: int
    max_minutes: int


@dataclass(frozen=True, slots=True)
class DemandWindow:
    """What the forecast is made from, at the newest instant that all meters have reached.

    The energies reach to `at`; the powers are newer, the newest of them is of `power_at`.
    """

    at: datetime
    contract: Contract
    samples: Sequence[Sample]
    power_kw: float
    power_at: datetime
    shed_list: Sequence[Shed]

    @property
    def newest_at(self) -> datetime:
        """The time of the sample that made this window differ from the one before."""
        return max(self.at, self.power_at)

    def forecast(self) -> Forecast | None:
        """The forecast against the contract's limit; None while the window is not covered."""
        return forecast(
            self.samples, self.at, self.power_kw, self.contract.limit_kw, self.contract.method
        )

    def to_shed(self, kw: float) -> list[Shed]:
        """The first items of the shed list that together take off `kw`; none where kw is 0."""
        chosen: list[Shed] = []
        for item in self.shed_list:
            if sum(one.power_kw for one in chosen) >= kw:
                break
            chosen.append(item)
        return chosen


async def demand_window(tx: ReadSession, project_id: int, now: datetime) -> DemandWindow | None:
    """Read the window of the contract in force; None without one or without fresh samples."""
    contract = await contract_in_force(tx, project_id, now)
    if contract is None:
        return None
    [meters] = await _meters(tx, project_id, [Stretch(contract, now, now)])
    params = {"project": project_id, "node": contract.node_id, "now": now}
    power = await tx.fetch_one(_POWER, params)
    if power is None or not meters or len(meters) < power["meters"] or power["kw"] is None:
        return None
    at = min(samples[-1][0] for _, samples in meters)
    if now - at > STALE:
        return None
    samples = _summed(meters, at, contract.method.window + contract.method.pace)
    shed = await _shed(tx, project_id)
    return DemandWindow(at, contract, samples, power["kw"], power["at"], shed)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the highest demand by a contract's method is asked for: (start, end]."""

    contract: Contract
    start: datetime
    end: datetime


async def peak_demands(
    tx: ReadSession, project_id: int, stretches: Sequence[Stretch], *, or_current: bool = False
) -> list[tuple[datetime, float] | None]:
    """The highest demand (kW) of each stretch and when; None without samples. One statement.

    With `or_current` a stretch in which no step of the sliding ended has the demand of its end.
    """
    read = await _meters(tx, project_id, stretches)
    return [
        _peak(stretch, meters, or_current=or_current)
        for stretch, meters in zip(stretches, read, strict=True)
    ]


def _peak(
    stretch: Stretch, meters: list[Metered], *, or_current: bool
) -> tuple[datetime, float] | None:
    if not meters:
        return None
    method = stretch.contract.method
    at = min(stretch.end, *(samples[-1][0] for _, samples in meters))
    total = _summed(meters, at, at - stretch.start + method.window + method.pace)
    highest = maximum(total, stretch.start, at, method)
    if highest is not None or not or_current:
        return highest
    current = demand_at(total, at, method)
    return None if current is None else (at, current)


async def _meters(
    tx: ReadSession, project_id: int, stretches: Sequence[Stretch]
) -> list[list[Metered]]:
    """Coefficient and samples of the contract's meters, from one window before each stretch."""
    rows = await tx.fetch_tuples(
        _SAMPLES,
        {
            "project": project_id,
            "nodes": [one.contract.node_id for one in stretches],
            "since": [one.start - one.contract.method.window - SLACK for one in stretches],
            "until": [one.end for one in stretches],
        },
    )
    read: list[list[Metered]] = [[] for _ in stretches]
    for (number, _, coefficient), group in groupby(rows, key=lambda row: tuple(row[:3])):
        read[number - 1].append((coefficient, [(ts, value) for *_, ts, value in group]))
    return read


def _summed(meters: Sequence[Metered], at: datetime, span: timedelta) -> list[Sample]:
    """The meters' cumulative energies added over `span` up to `at`, at GRID's instants and `at`.

    The instants of every method lie on that grid, so a demand is never interpolated twice.
    """
    rising = [(coefficient, _rising(samples)) for coefficient, samples in meters]
    instant = _EPOCH + (at - span - _EPOCH) // GRID * GRID
    total: list[Sample] = []
    while instant <= at:
        parts = [
            None if energy is None else coefficient * energy
            for coefficient, energy in ((c, energy_at(samples, instant)) for c, samples in rising)
        ]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts):
            total.append((instant, sum(known)))
        instant = at if instant < at < instant + GRID else instant + GRID
    return total


def _rising(samples: list[Sample]) -> list[Sample]:
    """The samples since the register last fell: a demand is never computed across a wrap."""
    for index in range(len(samples) - 1, 0, -1):
        if samples[index][1] < samples[index - 1][1]:
            return samples[index:]
    return samples


async def contract_in_force(tx: ReadSession, project_id: int, now: datetime) -> Contract | None:
    """The supply contract valid at `now`."""
    [found] = await contracts_in_force(tx, project_id, [now])
    return found


async def contracts_in_force(
    tx: ReadSession, project_id: int, instants: Sequence[datetime]
) -> list[Contract | None]:
    """The supply contract valid at each instant."""
    rows = await tx.fetch_all(
        """
        SELECT node_id, contract_demand_kw, window_minutes, step_minutes, demand_price,
               confirmed_by, valid_from, valid_to
        FROM supply_contract WHERE project_id = %s ORDER BY valid_from DESC, id DESC
        """,
        (project_id,),
    )
    return [
        next(
            (
                _contract(row)
                for row in rows
                if row["valid_from"] <= at and (row["valid_to"] is None or at < row["valid_to"])
            ),
            None,
        )
        for at in instants
    ]


def _contract(row: DictRow) -> Contract:
    window, step = timedelta(minutes=row["window_minutes"]), timedelta(minutes=row["step_minutes"])
    method = Method(window, step, sliding=step < window)
    confirmed = row["confirmed_by"] is not None
    return Contract(
        row["node_id"], row["contract_demand_kw"], method, row["demand_price"], confirmed
    )


async def _shed(tx: ReadSession, project_id: int) -> list[Shed]:
    return await tx.fetch_all(
        """
        SELECT s.node_id, n.name, s.power_kw, s.max_minutes::int AS max_minutes
        FROM shed_item s JOIN node n ON n.project_id = %(project)s AND n.id = s.node_id
        WHERE s.project_id = %(project)s ORDER BY s.position, s.id
        """,
        {"project": project_id},
        into=Shed,
    )


# Lateral, so that each stretch of each point is one walk along the key, whatever the statistics.
_SAMPLES = """
SELECT s.number, p.id, nm.coefficient::float8, r.ts, r.value
FROM unnest(%(nodes)s::bigint[], %(since)s::timestamptz[], %(until)s::timestamptz[])
     WITH ORDINALITY AS s (node_id, since, until, number)
JOIN node_meter nm ON nm.project_id = %(project)s AND nm.node_id = s.node_id
     AND nm.valid_from < s.until AND (nm.valid_to IS NULL OR nm.valid_to >= s.until)
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id AND m.energy = 'electricity'
JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
            AND p.name = m.register_name AND p.unit = 'kWh'
CROSS JOIN LATERAL (
    SELECT ts, value, bin, lag(bin) OVER w AS before, lead(bin) OVER w AS after
    FROM (
        SELECT ts, value, date_bin('30 seconds', ts, 'epoch') AS bin FROM reading
        WHERE project_id = %(project)s AND point_id = p.id AND ts > s.since AND ts <= s.until
    ) samples
    WINDOW w AS (ORDER BY ts)
) r
WHERE r.bin IS DISTINCT FROM r.before OR r.bin IS DISTINCT FROM r.after
ORDER BY s.number, p.id, r.ts
"""

_POWER = """
SELECT sum(nm.coefficient * v.value) AS kw, max(v.ts) AS at, count(*) AS meters
FROM node_meter nm
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id AND m.energy = 'electricity'
LEFT JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
                 AND p.name = m.power_name AND p.unit = 'kW'
LEFT JOIN last_value v ON v.project_id = %(project)s AND v.point_id = p.id
WHERE nm.project_id = %(project)s AND nm.node_id = %(node)s
  AND nm.valid_from <= %(now)s AND (nm.valid_to IS NULL OR nm.valid_to > %(now)s)
"""
