"""Which meters count for which node, how much, and from when to when.

A membership holds in [valid_from, valid_to). Those of one node and meter never overlap, so that a
quarter hour of a meter counts once. Coefficients are exact: 0.6 of a shared meter here and 0.4
there are the whole.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from backend.aggregation.rollup import Scope
from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.plant.editing import Edit, iso

LARGEST: Final = Decimal(1000)
MOST_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a node is to count of a meter.

    `instead`: the membership in force ends where this one begins.
    """

    node: UUID | None
    meter: UUID | None
    coefficient: Decimal
    valid_from: datetime
    valid_to: datetime | None = None
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """A stored membership with the names of both."""

    node_id: int
    node_uid: UUID
    node: str
    node_name: dict[str, str]
    tree: str
    meter_id: int
    meter_uid: UUID
    meter: str
    energy: str
    coefficient: Decimal
    valid_from: datetime
    valid_to: datetime | None

    def told(self) -> dict[str, object]:
        """Answer it as the audit keeps it."""
        return {
            "node": self.node,
            "meter": self.meter,
            "coefficient": str(self.coefficient),
            "valid_from": iso(self.valid_from),
            "valid_to": iso(self.valid_to),
        }


@dataclass(frozen=True, slots=True)
class _End:
    """A node or meter as a membership looks at it."""

    id: int
    slug: str
    energy: str
    valid_from: datetime | None
    valid_to: datetime | None


_SELECT: Final = """
SELECT nm.node_id, n.uid AS node_uid, n.slug AS node,
       n.name AS node_name, n.tree, nm.meter_id, m.uid AS meter_uid,
       m.slug AS meter, m.energy, nm.coefficient, nm.valid_from, nm.valid_to
FROM node_meter nm
JOIN node n ON n.project_id = %(project)s AND n.id = nm.node_id
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id
WHERE nm.project_id = %(project)s
  AND (%(node)s::bigint IS NULL OR nm.node_id = %(node)s)
  AND (%(meter)s::bigint IS NULL OR nm.meter_id = %(meter)s)
ORDER BY m.energy, m.level, m.slug, n.tree, n.slug, nm.valid_from
"""
_DELETE: Final = (
    "DELETE FROM node_meter"
    " WHERE project_id = %s AND node_id = %s AND meter_id = %s AND valid_from = %s"
)
_UPDATE: Final = (
    "UPDATE node_meter SET valid_to = %s"
    " WHERE project_id = %s AND node_id = %s AND meter_id = %s AND valid_from = %s"
)


async def list_memberships(
    tx: ReadSession, project_id: int, *, node: int | None = None, meter: int | None = None
) -> list[Membership]:
    """Answer memberships of a node, of a meter, or all, ended ones too."""
    return await tx.fetch_all(
        _SELECT, {"project": project_id, "node": node, "meter": meter}, into=Membership
    )


async def set_membership(edit: Edit, wanted: Wanted) -> Membership:
    """Have a node count a meter; InvalidInput for what cannot be, Conflict for what overlaps."""
    _check(wanted)
    edit.allow(wanted.valid_from)
    if wanted.valid_to is not None and edit.allow(wanted.valid_to) <= wanted.valid_from:
        raise InvalidInput("span_empty")
    node, meter = await _ends(edit, wanted)
    known = await list_memberships(edit.tx, edit.project_id, node=node.id, meter=meter.id)
    for row in known:
        if wanted.instead and row.valid_from < wanted.valid_from and row.valid_to is None:
            await _set_end(edit, row, wanted.valid_from)
        elif _overlap(row, wanted):
            raise Conflict(
                "membership_overlap",
                node=node.slug,
                meter=meter.slug,
                known=f"{row.coefficient} × {edit.shown(row.valid_from)} … "
                f"{edit.shown(row.valid_to)}",
                wanted=f"{wanted.coefficient} × {edit.shown(wanted.valid_from)} … "
                f"{edit.shown(wanted.valid_to)}",
            )
    await edit.tx.execute(
        "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient, valid_from, valid_to)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (
            edit.project_id,
            node.id,
            meter.id,
            wanted.coefficient,
            wanted.valid_from,
            wanted.valid_to,
        ),
    )
    found = await list_memberships(edit.tx, edit.project_id, node=node.id, meter=meter.id)
    made = next(row for row in found if row.valid_from == wanted.valid_from)
    await edit.count_anew(Scope.NODE, [made.node_id], wanted.valid_from)
    old = {"memberships": [row.told() for row in known]}
    await edit.tell("membership.set", _ref(made), "set", old, made.told())
    return made


async def end_membership(
    edit: Edit,
    node: UUID | None,
    meter: UUID | None,
    valid_from: datetime,
    at: datetime | None,
) -> Membership:
    """End a membership at an instant, from the next quarter hour on by default.

    One that has not begun by then is as if it had never been. NotFound without it.
    """
    end = edit.next_quarter() if at is None else edit.allow(at)
    found = await list_memberships(edit.tx, edit.project_id)
    row = next(
        (r for r in found if (r.node_uid, r.meter_uid, r.valid_from) == (node, meter, valid_from)),
        None,
    )
    if row is None:
        raise NotFound(kind="membership")
    if row.valid_to is not None and row.valid_to <= end:
        raise Conflict("membership_ended", end=edit.shown(row.valid_to))
    await _set_end(edit, row, end)
    await edit.count_anew(Scope.NODE, [row.node_id], end)
    after = replace(row, valid_to=end)
    await edit.tell("membership.end", _ref(row), "ended", row.told(), after.told())
    return after


async def end_of_node(edit: Edit, node_id: int, end: datetime) -> None:
    """End what a node counts; what would begin later never does."""
    await _end_all(edit, await list_memberships(edit.tx, edit.project_id, node=node_id), end)


async def end_of_meter(edit: Edit, meter_id: int, end: datetime) -> None:
    """End every node's counting of a meter."""
    await _end_all(edit, await list_memberships(edit.tx, edit.project_id, meter=meter_id), end)


async def _end_all(edit: Edit, rows: list[Membership], end: datetime) -> None:
    going = [row for row in rows if row.valid_to is None or row.valid_to > end]
    for row in going:
        await _set_end(edit, row, end)
    await edit.count_anew(Scope.NODE, sorted({row.node_id for row in going}), end)


async def _set_end(edit: Edit, row: Membership, end: datetime) -> None:
    key = (edit.project_id, row.node_id, row.meter_id, row.valid_from)
    if row.valid_from >= end:
        await edit.tx.execute(_DELETE, key)
    else:
        await edit.tx.execute(_UPDATE, (end, *key))


async def _ends(edit: Edit, wanted: Wanted) -> tuple[_End, _End]:
    """Answer node and meter, which must both be there for the whole membership."""
    node = await edit.tx.fetch_one(
        "SELECT id, slug, '' AS energy, NULL::timestamptz AS valid_from, valid_to FROM node"
        " WHERE project_id = %s AND uid = %s",
        (edit.project_id, wanted.node),
        into=_End,
    )
    meter = await edit.tx.fetch_one(
        "SELECT id, slug, energy, valid_from, valid_to FROM meter"
        " WHERE project_id = %s AND uid = %s",
        (edit.project_id, wanted.meter),
        into=_End,
    )
    if node is None or meter is None:
        raise NotFound(kind="node" if node is None else "meter")
    for end in (node, meter):
        if end.valid_to is not None and (wanted.valid_to is None or wanted.valid_to > end.valid_to):
            raise Conflict("member_ended", name=end.slug, end=edit.shown(end.valid_to))
        if end.valid_from is not None and wanted.valid_from < end.valid_from:
            raise Conflict("member_not_begun", name=end.slug, start=edit.shown(end.valid_from))
    return node, meter


def _overlap(row: Membership, wanted: Wanted) -> bool:
    before = wanted.valid_to is not None and wanted.valid_to <= row.valid_from
    after = row.valid_to is not None and row.valid_to <= wanted.valid_from
    return not before and not after


def _check(wanted: Wanted) -> None:
    digits = wanted.coefficient.as_tuple().exponent
    fine = isinstance(digits, int) and -digits <= MOST_DIGITS
    if not fine or not 0 < abs(wanted.coefficient) <= LARGEST:
        raise InvalidInput("coefficient", most=str(LARGEST), digits=MOST_DIGITS)


def _ref(row: Membership) -> str:
    return f"{encode_id('node', row.node_uid)}/{encode_id('mtr', row.meter_uid)}"
