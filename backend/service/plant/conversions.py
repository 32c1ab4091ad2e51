"""Nodes where one energy becomes another: what goes in, what comes out, and what its kind needs.

Definitions of one node follow each other without overlap; a new one ends the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.plant.editing import Edit, iso
from backend.service.plant.meters import MeterRow, meters_by_id
from backend.service.plant.nodes import find_place
from gateway.contract.energy import energy_type

Params = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of conversion is made of: states of what goes in and out, and its numbers.

    `params` with the largest value each may have; `together`: all of them or none.
    """

    into: frozenset[str]
    out: frozenset[str]
    params: Mapping[str, Decimal]
    together: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    # Lower heating value in MJ per display unit of the fuel, enthalpies of steam and feed water in
    # kJ/kg; without them the factors in force say what a unit stands for.
    "boiler": Kind(
        frozenset({"solid", "liquid", "gas", "electric"}),
        frozenset({"heat"}),
        {"lhv_mj": Decimal(10**5), "h_steam": Decimal(5000), "h_feed": Decimal(5000)},
        together=True,
    ),
    # No-load and load loss in kW, rated power in kVA; what the node counts is what leaves it.
    "transformer": Kind(
        frozenset(),
        frozenset(),
        {
            "p0_kw": Decimal(10**4),
            "pk_kw": Decimal(10**4),
            "sn_kva": Decimal(10**6),
            "cos_phi": Decimal(1),
        },
    ),
    "compressor": Kind(frozenset({"electric"}), frozenset({"medium"}), {}),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A conversion as people describe it."""

    node: UUID | None
    kind: str
    inputs: Sequence[UUID | None]
    outputs: Sequence[UUID | None]
    params: Params
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class Conversion:
    """A stored definition; `inputs` and `outputs` are numbers of meters."""

    uid: UUID
    node_id: int
    node_uid: UUID
    kind: str
    inputs: list[int]
    outputs: list[int]
    params: dict[str, str]
    valid_from: datetime
    valid_to: datetime | None

    @property
    def outside(self) -> str:
        """Its identity outside."""
        return encode_id("cnv", self.uid)

    def number(self, name: str) -> Decimal | None:
        """Answer one of its numbers."""
        text = self.params.get(name)
        return None if text is None else Decimal(text)

    def told(self) -> dict[str, object]:
        """Answer it as the audit keeps it."""
        return {
            "node": self.node_id,
            "kind": self.kind,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "params": self.params,
            "valid_from": iso(self.valid_from),
            "valid_to": iso(self.valid_to),
        }


_SELECT: Final = """
SELECT c.uid, c.node_id, n.uid AS node_uid, c.kind, c.inputs, c.outputs, c.params, c.valid_from,
       c.valid_to
FROM conversion c JOIN node n ON n.project_id = %(project)s AND n.id = c.node_id
WHERE c.project_id = %(project)s AND (%(node)s::bigint IS NULL OR c.node_id = %(node)s)
ORDER BY c.node_id, c.valid_from
"""


async def list_conversions(
    tx: ReadSession, project_id: int, node: int | None = None
) -> list[Conversion]:
    """Answer the conversions of a node, or all, past ones too."""
    return await tx.fetch_all(_SELECT, {"project": project_id, "node": node}, into=Conversion)


async def set_conversion(edit: Edit, wanted: Wanted) -> Conversion:
    """Define what a node converts, from an instant on; the definition in force ends there."""
    edit.allow(wanted.valid_from)
    place = await find_place(edit.tx, edit.project_id, wanted.node)
    meters = await meters_by_id(edit.tx, edit.project_id)
    inputs, outputs = _numbers(meters, wanted.inputs), _numbers(meters, wanted.outputs)
    _check(wanted, [meters[one] for one in inputs], [meters[one] for one in outputs])
    known = await list_conversions(edit.tx, edit.project_id, place.id)
    for row in known:
        if row.valid_to is not None and row.valid_to <= wanted.valid_from:
            continue
        if row.valid_from > wanted.valid_from:
            raise Conflict("conversion_overlap", start=edit.shown(row.valid_from))
        await _set_end(edit, row, wanted.valid_from)
    params = {name: str(value) for name, value in sorted(wanted.params.items())}
    made = Conversion(
        new_uuid(edit.now),
        place.id,
        place.uid,
        wanted.kind,
        inputs,
        outputs,
        params,
        wanted.valid_from,
        None,
    )
    await edit.tx.execute(
        "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
        " valid_from) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            edit.project_id,
            made.uid,
            made.node_id,
            made.kind,
            Jsonb(made.inputs),
            Jsonb(made.outputs),
            Jsonb(made.params),
            made.valid_from,
        ),
    )
    old = {"conversions": [row.told() for row in known]}
    await edit.tell("conversion.set", made.outside, "set", old, made.told())
    return made


async def end_conversion(edit: Edit, uid: UUID | None, at: datetime | None) -> Conversion:
    """End a conversion at an instant, from the next quarter hour on by default.

    One that has not begun by then is as if it had never been.
    """
    end = edit.next_quarter() if at is None else edit.allow(at)
    found = await list_conversions(edit.tx, edit.project_id)
    row = next((one for one in found if one.uid == uid), None)
    if row is None:
        raise NotFound(kind="conversion")
    if row.valid_to is not None and row.valid_to <= end:
        raise Conflict("membership_ended", end=edit.shown(row.valid_to))
    await _set_end(edit, row, end)
    after = replace(row, valid_to=end)
    await edit.tell("conversion.end", row.outside, "ended", row.told(), after.told())
    return after


async def _set_end(edit: Edit, row: Conversion, end: datetime) -> None:
    if row.valid_from >= end:
        await edit.tx.execute(
            "DELETE FROM conversion WHERE project_id = %s AND uid = %s", (edit.project_id, row.uid)
        )
        return
    await edit.tx.execute(
        "UPDATE conversion SET valid_to = %s WHERE project_id = %s AND uid = %s",
        (end, edit.project_id, row.uid),
    )


def _numbers(meters: Mapping[int, MeterRow], wanted: Sequence[UUID | None]) -> list[int]:
    by_uid = {row.uid: row.id for row in meters.values()}
    found = [by_uid[one] for one in wanted if one in by_uid]
    if len(found) < len(wanted):
        raise NotFound(kind="meter")
    return found


def _check(wanted: Wanted, inputs: Sequence[MeterRow], outputs: Sequence[MeterRow]) -> None:
    kind = KINDS.get(wanted.kind)
    if kind is None:
        raise InvalidInput("conversion_kind", known=", ".join(KINDS))
    for side, states, meters in (("inputs", kind.into, inputs), ("outputs", kind.out, outputs)):
        if bool(meters) != bool(states):
            raise InvalidInput("conversion_meters", side=side, kind=wanted.kind)
        for meter in meters:
            if energy_type(meter.energy).state not in states:
                raise InvalidInput("conversion_energy", meter=meter.slug, kind=wanted.kind)
    _check_params(kind, wanted.params)
    if kind.together and wanted.params:
        _check_amounts(inputs, outputs)


def _check_amounts(inputs: Sequence[MeterRow], outputs: Sequence[MeterRow]) -> None:
    """One heating value wants one fuel, enthalpies want a mass."""
    fuels = {meter.energy for meter in inputs}
    masses = {energy_type(meter.energy).unit.dimension for meter in outputs}
    if len(fuels) > 1 or masses != {"mass"}:
        raise InvalidInput("conversion_amounts")


def _check_params(kind: Kind, params: Params) -> None:
    absent = [name for name in kind.params if name not in params]
    if absent and not (kind.together and not params):
        raise InvalidInput("conversion_param", name=absent[0])
    for name, value in params.items():
        most = kind.params.get(name)
        if most is None or not 0 < value <= most:
            raise InvalidInput("conversion_param", name=name)
    if "h_steam" in params and params["h_steam"] <= params["h_feed"]:
        raise InvalidInput("conversion_param", name="h_feed")
