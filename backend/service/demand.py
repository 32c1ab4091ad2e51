"""The plant's demand now: read from the contract's meters, held against the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

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
STALE = timedelta(minutes=3)


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
    """What the forecast is made from, at the newest instant that all meters have reached."""

    at: datetime
    contract: Contract
    samples: Sequence[Sample]
    power_kw: float
    shed_list: Sequence[Shed]

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
    meters = await _meters(tx, project_id, contract, now, now)
    power = await tx.fetch_one(_POWER, {"project": project_id, "node": contract.node_id})
    if power is None or not meters or len(meters) < power["meters"] or power["kw"] is None:
        return None
    at = min(samples[-1][0] for _, samples in meters)
    if now - at > STALE:
        return None
    samples = _summed(meters, at, contract.method.window + contract.method.pace)
    return DemandWindow(at, contract, samples, power["kw"], await _shed(tx, project_id))


async def peak_demand(
    tx: ReadSession, project_id: int, contract: Contract, start: datetime, end: datetime
) -> float | None:
    """The highest demand (kW) in (start, end] by the contract's method; None without samples."""
    meters = await _meters(tx, project_id, contract, start, end)
    if not meters:
        return None
    at = min(end, *(samples[-1][0] for _, samples in meters))
    total = _summed(meters, at, at - start + contract.method.window + contract.method.pace)
    highest = maximum(total, start, at, contract.method)
    # Before the first step of the sliding is over, the demand of this moment is all there is.
    return demand_at(total, at, contract.method) if highest is None else highest[1]


async def _meters(
    tx: ReadSession, project_id: int, contract: Contract, start: datetime, end: datetime
) -> list[tuple[int, list[Sample]]]:
    """Coefficient and samples of each of the contract's meters, from one window before `start`."""
    rows = await tx.fetch_tuples(
        _SAMPLES,
        {
            "project": project_id,
            "node": contract.node_id,
            "since": start - contract.method.window - SLACK,
            "now": end,
        },
    )
    return [
        (coefficient, [(ts, value) for _, _, ts, value in group])
        for (_, coefficient), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


def _summed(
    meters: Sequence[tuple[int, list[Sample]]], at: datetime, span: timedelta
) -> list[Sample]:
    """The meters' cumulative energies added on a common grid of 30 s over `span` up to `at`."""
    grid = timedelta(seconds=30)
    steps = span // grid + 1
    rising = [(coefficient, _rising(samples)) for coefficient, samples in meters]
    total: list[Sample] = []
    for step in range(steps, -1, -1):
        instant = at - step * grid
        parts = [energy_at(samples, instant) for _, samples in rising]
        if any(part is None for part in parts):
            continue
        total.append(
            (
                instant,
                sum(
                    coefficient * part
                    for (coefficient, _), part in zip(rising, parts, strict=True)
                    if part is not None
                ),
            )
        )
    return total


def _rising(samples: list[Sample]) -> list[Sample]:
    """The samples since the register last fell: a demand is never computed across a wrap."""
    for index in range(len(samples) - 1, 0, -1):
        if samples[index][1] < samples[index - 1][1]:
            return samples[index:]
    return samples


async def contract_in_force(tx: ReadSession, project_id: int, now: datetime) -> Contract | None:
    """The supply contract valid at `now`."""
    row = await tx.fetch_one(
        """
        SELECT node_id, contract_demand_kw, window_minutes, step_minutes, demand_price,
               confirmed_by
        FROM supply_contract
        WHERE project_id = %(project)s AND valid_from <= %(now)s
          AND (valid_to IS NULL OR valid_to > %(now)s)
        ORDER BY valid_from DESC, id DESC LIMIT 1
        """,
        {"project": project_id, "now": now},
    )
    if row is None:
        return None
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


_SAMPLES = """
SELECT p.id, nm.coefficient, r.ts, r.value
FROM node_meter nm
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id AND m.energy = 'electricity'
JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
            AND p.name = m.register_name AND p.unit = 'kWh'
JOIN reading r ON r.project_id = %(project)s AND r.point_id = p.id
              AND r.ts > %(since)s AND r.ts <= %(now)s
WHERE nm.project_id = %(project)s AND nm.node_id = %(node)s
ORDER BY p.id, r.ts
"""

_POWER = """
SELECT sum(nm.coefficient * v.value) AS kw, count(*) AS meters
FROM node_meter nm
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id AND m.energy = 'electricity'
LEFT JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
                 AND p.name = m.power_name AND p.unit = 'kW'
LEFT JOIN last_value v ON v.project_id = %(project)s AND v.point_id = p.id
WHERE nm.project_id = %(project)s AND nm.node_id = %(node)s
"""
