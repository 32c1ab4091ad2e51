"""Comprehensive energy of a node by GB/T 2589: coal equivalent of what it took, nothing twice.

E = sum of e_i x p_i over what the node counts. What is made on site from energy that is counted
already (`own_product`) is not counted again inside the boundary it was made in, counts where it is
taken in from outside, and is taken off where a conversion puts it out. Energy-carrying media count
by their equivalent value and only where they are bought. A negative coefficient is what was sold
or passed on. All exact, from quarter hours, by the memberships and factors that held then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from backend.aggregation.factors import FactorRow, read_factors
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput
from backend.service.plant.conversions import Conversion, list_conversions
from backend.service.plant.memberships import Membership, list_memberships
from backend.service.plant.meters import MeterRow, meters_by_id
from backend.service.plant.nodes import places_by_id
from gateway.contract.energy import energy_type

LONGEST: Final = timedelta(days=400)


class Why(StrEnum):
    """How a term is counted."""

    TAKEN = "taken"
    """Bought or taken in."""
    PASSED_ON = "passed_on"
    """Sold or passed on: a negative coefficient."""
    PUT_OUT = "put_out"
    """Put out by a conversion of this node: taken off."""
    MADE_HERE = "made_here"
    """Made inside the boundary from what is counted already: nothing."""
    NO_ENERGY = "no_energy"
    """Pieces and masses of products: nothing."""
    UNKNOWN = "unknown"
    """No factor is in force: the sum is not known."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one meter contributes: quantity in smallest units and kgce, both with their sign."""

    meter_id: int
    energy: str
    quantity: Decimal
    kgce: Decimal | None
    why: Why


@dataclass(frozen=True, slots=True)
class Comprehensive:
    """The node's coal equivalent in kgce, null where a term is unknown, with its terms."""

    kgce: Decimal | None
    terms: list[Term]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A span in which one membership holds."""

    meter: MeterRow
    coefficient: Decimal
    start: datetime
    end: datetime


def reason(meter: MeterRow, coefficient: Decimal, *, put_out: bool, made_inside: bool) -> Why:
    """Answer how a meter counts in a boundary.

    `put_out`: an output of a conversion of the node itself; `made_inside`: of one below it.
    """
    state = energy_type(meter.energy).state
    if state == "product":
        return Why.NO_ENERGY
    if coefficient < 0:
        return Why.PASSED_ON
    if not meter.own_product:
        return Why.TAKEN
    if put_out and state != "medium":
        return Why.PUT_OUT
    # Media are made from energy that the site counts, wherever on it they are used.
    return Why.MADE_HERE if made_inside or state == "medium" else Why.TAKEN


def equivalents(
    rows: Iterable[FactorRow], energy: str, start: datetime, end: datetime
) -> list[tuple[datetime, datetime, Decimal]]:
    """Answer the equivalent factors of an energy in [start, end), with gaps where none held."""
    found = []
    for row in rows:
        if (row.energy, row.substance, row.basis) == (energy, "kgce", "equivalent"):
            first = max(start, row.valid_from)
            last = end if row.valid_to is None else min(end, row.valid_to)
            if first < last:
                found.append((first, last, row.value))
    return sorted(found)


async def comprehensive(
    tx: ReadSession, project_id: int, node_id: int, start: datetime, end: datetime
) -> Comprehensive:
    """Answer the comprehensive energy of a node over [start, end), at most 400 days."""
    if end <= start:
        raise InvalidInput("span_empty")
    if end - start > LONGEST:
        raise InvalidInput("span_too_long")
    meters = await meters_by_id(tx, project_id)
    members = await list_memberships(tx, project_id, node=node_id)
    made = await _made_inside(tx, project_id, node_id, meters, (start, end))
    factors = await read_factors(tx, project_id)
    terms = []
    for stretch in _stretches(members, meters, start, end):
        why = reason(
            stretch.meter,
            stretch.coefficient,
            put_out=made.get(stretch.meter.id, False),
            made_inside=stretch.meter.id in made or _all_made(stretch.meter, meters, made),
        )
        terms.append(await _term(tx, project_id, stretch, why, factors))
    known = [term.kgce for term in terms]
    unknown = any(kgce is None for kgce in known)
    total = None if unknown else sum((kgce for kgce in known if kgce is not None), Decimal(0))
    return Comprehensive(total, terms)


def _stretches(
    members: Sequence[Membership], meters: Mapping[int, MeterRow], start: datetime, end: datetime
) -> Iterable[_Stretch]:
    for row in members:
        first = max(start, row.valid_from)
        last = end if row.valid_to is None else min(end, row.valid_to)
        if first < last:
            yield _Stretch(meters[row.meter_id], row.coefficient, first, last)


async def _made_inside(
    tx: ReadSession,
    project_id: int,
    node_id: int,
    meters: Mapping[int, MeterRow],
    span: tuple[datetime, datetime],
) -> dict[int, bool]:
    """Answer the meters that conversions at or below a node put out; True for the node's own."""
    places = await places_by_id(tx, project_id)

    def inside(number: int | None) -> bool:
        while number is not None and number != node_id:
            place = places.get(number)
            number = None if place is None else place.parent_id
        return number is not None

    found: dict[int, bool] = {}
    for one in await list_conversions(tx, project_id):
        if _holds(one, span) and inside(one.node_id):
            for meter in one.outputs:
                found[meter] = found.get(meter, False) or one.node_id == node_id
    return found


def _holds(one: Conversion, span: tuple[datetime, datetime]) -> bool:
    return one.valid_from < span[1] and (one.valid_to is None or one.valid_to > span[0])


def _all_made(meter: MeterRow, meters: Mapping[int, MeterRow], made: Mapping[int, bool]) -> bool:
    """Whether its energy is put out inside the boundary: then all of it is from there."""
    return any(meters[number].energy == meter.energy for number in made)


# An account's kgce is by the accounted factor of each quarter hour.
_COUNTED: Final = """
SELECT coalesce(sum(qty), 0)::numeric AS qty,
       CASE WHEN count(kgce) = count(*) THEN coalesce(sum(kgce), 0) END AS kgce
FROM {accounts} a WHERE project_id = %(project)s AND scope = 1 AND scope_id = %(meter)s
  AND energy = %(energy)s AND period = 1 AND start_ts >= %(start)s AND start_ts < %(end)s
"""


async def _term(
    tx: ReadSession,
    project_id: int,
    stretch: _Stretch,
    why: Why,
    factors: Sequence[FactorRow],
) -> Term:
    meter, sign = stretch.meter, -1 if why is Why.PUT_OUT else 1
    qty, kgce = await _counted(tx, project_id, meter, stretch.start, stretch.end)
    weight = sign * stretch.coefficient
    if why in (Why.MADE_HERE, Why.NO_ENERGY):
        return Term(meter.id, meter.energy, weight * qty, Decimal(0), why)
    if energy_type(meter.energy).state == "medium":
        kgce = await _equivalent(tx, project_id, stretch, factors, qty)
    if kgce is None:
        return Term(meter.id, meter.energy, weight * qty, None, Why.UNKNOWN)
    return Term(meter.id, meter.energy, weight * qty, weight * kgce, why)


async def _counted(
    tx: ReadSession, project_id: int, meter: MeterRow, start: datetime, end: datetime
) -> tuple[Decimal, Decimal | None]:
    where = await shown(tx, project_id)
    keys = {
        "project": project_id,
        "as_of": where.as_of,
        "meter": meter.id,
        "energy": meter.energy,
        "start": start,
        "end": end,
    }
    [row] = await tx.fetch_tuples(where.sql(_COUNTED), keys)
    return row[0], row[1]


async def _equivalent(
    tx: ReadSession,
    project_id: int,
    stretch: _Stretch,
    factors: Sequence[FactorRow],
    whole: Decimal,
) -> Decimal | None:
    """Answer a medium's kgce; None where a part of it has no equivalent factor."""
    kind = energy_type(stretch.meter.energy)
    total, covered = Decimal(0), Decimal(0)
    for start, end, value in equivalents(factors, kind.code, stretch.start, stretch.end):
        qty, _ = await _counted(tx, project_id, stretch.meter, start, end)
        total += qty.scaleb(-kind.decimals) * value
        covered += qty
    return total if covered == whole else None
