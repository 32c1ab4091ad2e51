"""The reading sheet of a virtual meter: what each part of its expression came to over a period.

A part that is a meter times a constant is that meter's sum over the quarter hours in which the
virtual meter has an account; any other part is evaluated quarter hour by quarter hour, as the
account was. Everything is exact; only the account's own quarter hours were rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final, NamedTuple

from backend.aggregation.expression import Node, Term, addends, names, value
from backend.aggregation.versions import Shown
from backend.aggregation.virtual import Virtual, read_formulas
from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class VirtualTerm:
    """A meter that counts `coefficient` times: smallest units of the sheet per one of its own."""

    meter_id: int
    coefficient: Fraction
    qty: int

    @property
    def part(self) -> Fraction:
        """What it adds, exact."""
        return self.coefficient * self.qty


class Evaluated(NamedTuple):
    """A part that is not linear in one meter: the meters it is over, and what it adds, exact."""

    meter_ids: Sequence[int]
    part: Fraction


@dataclass(frozen=True, slots=True)
class VirtualSheet:
    """An expression and what its parts came to, in smallest units of the virtual meter's energy."""

    expression: str
    terms: Sequence[VirtualTerm]
    evaluated: Sequence[Evaluated]

    @property
    def total(self) -> Fraction:
        """The account before its quarter hours were rounded."""
        parts = [*(one.part for one in self.terms), *(one.part for one in self.evaluated)]
        return sum(parts, Fraction(0))


# Quarter hours in which the virtual meter has an account, and what its inputs counted in them.
_SUMS: Final = """
SELECT i.scope_id, sum(i.qty)::bigint FROM {accounts} v
JOIN {accounts} i ON i.project_id = %(project)s AND i.scope = 1 AND i.scope_id = ANY(%(inputs)s)
     AND i.energy = ANY(%(energies)s) AND i.period = 1 AND i.start_ts = v.start_ts
WHERE v.project_id = %(project)s AND v.scope = 1 AND v.scope_id = %(id)s
  AND v.energy = %(energy)s AND v.period = 1
  AND v.start_ts >= %(start)s AND v.start_ts < %(end)s
GROUP BY i.scope_id
"""
_QUARTERS: Final = """
SELECT v.start_ts, i.scope_id, i.qty FROM {accounts} v
LEFT JOIN {accounts} i ON i.project_id = %(project)s AND i.scope = 1
     AND i.scope_id = ANY(%(inputs)s) AND i.energy = ANY(%(energies)s) AND i.period = 1
     AND i.start_ts = v.start_ts
WHERE v.project_id = %(project)s AND v.scope = 1 AND v.scope_id = %(id)s
  AND v.energy = %(energy)s AND v.period = 1
  AND v.start_ts >= %(start)s AND v.start_ts < %(end)s
"""


async def read_virtual_sheet(
    tx: ReadSession,
    project_id: int,
    meter_id: int,
    where: Shown,
    params: Mapping[str, object],
) -> VirtualSheet | None:
    """Answer the sheet of a virtual meter; None where its expression cannot be computed.

    `params` name the period and the version.
    """
    formulas = await read_formulas(tx, project_id)
    virtual = next((one for one in formulas.ordered if one.meter.id == meter_id), None)
    text = await tx.fetch_value(
        "SELECT expression FROM meter WHERE project_id = %s AND id = %s",
        (project_id, meter_id),
        into=str,
    )
    if virtual is None or text is None:
        return None
    try:
        parts = addends(virtual.tree)
    except ZeroDivisionError:
        return None
    keys = dict(params) | {
        "inputs": [one.id for one in virtual.inputs.values()],
        "energies": sorted({one.energy.code for one in virtual.inputs.values()}),
    }
    linear = [one for one in parts if isinstance(one.node, Term)]
    other = [one for one in parts if not isinstance(one.node, Term)]
    sums = await tx.fetch_tuples(where.sql(_SUMS), keys) if linear else []
    quarters = await tx.fetch_tuples(where.sql(_QUARTERS), keys) if other else []
    return VirtualSheet(
        text,
        [_term(virtual, one.node, one.coefficient, dict(sums)) for one in linear],
        [_evaluated(virtual, one.node, one.coefficient, quarters) for one in other],
    )


def _term(
    virtual: Virtual, node: Node, coefficient: Fraction, sums: Mapping[int, int]
) -> VirtualTerm:
    [name] = names(node)
    place = virtual.inputs[name]
    exact = coefficient * place.energy.smallest_unit.base / virtual.meter.energy.smallest_unit.base
    return VirtualTerm(place.id, exact, sums.get(place.id, 0))


def _evaluated(
    virtual: Virtual,
    node: Node,
    coefficient: Fraction,
    quarters: Sequence[tuple[datetime, int | None, int | None]],
) -> Evaluated:
    """Answer what a part came to; a meter that is not there counts nothing, as in the account."""
    counted: dict[datetime, dict[int, int]] = {}
    for start, meter, qty in quarters:
        row = counted.setdefault(start, {})
        if meter is not None and qty is not None:
            row[meter] = qty
    used = {name: virtual.inputs[name] for name in sorted(names(node))}
    total = Fraction(0)
    for row in counted.values():
        figures = {
            name: row.get(one.id, 0) * one.energy.smallest_unit.base for name, one in used.items()
        }
        total += value(node, figures)
    exact = total * coefficient / virtual.meter.energy.smallest_unit.base
    return Evaluated([one.id for one in used.values()], exact)
