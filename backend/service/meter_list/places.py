"""Where a meter counts, as a whole: what is in force is kept, what differs ends and begins."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from backend.core.ids import decode_id, encode_id
from backend.service.plant.editing import Edit
from backend.service.plant.memberships import (
    Membership,
    Wanted,
    end_membership,
    list_memberships,
    set_membership,
)
from backend.service.plant.meters import MeterRow

Stored = dict[str, dict[str, str]]
"""By tree: coefficients by outside identity of the node."""


async def places_of(edit: Edit, meter_id: int, at: datetime) -> Stored:
    """Answer where a meter is to count from an instant on, as it is stored."""
    found: Stored = {}
    for row in await _open(edit, meter_id, at):
        node = encode_id("node", row.node_uid)
        found.setdefault(row.tree, {})[node] = str(row.coefficient)
    return found


def read_places(stored: Stored) -> dict[UUID, Decimal]:
    """Answer the coefficients of stored places by node."""
    return {
        decode_id("node", node): Decimal(factor)
        for nodes in stored.values()
        for node, factor in nodes.items()
    }


async def place_meter(
    edit: Edit,
    meter: MeterRow,
    trees: Collection[str],
    wanted: Mapping[UUID, Decimal],
    at: datetime,
) -> None:
    """Have a meter count for these nodes of these trees from an instant on, and for no others."""
    left = dict(wanted)
    for row in await _open(edit, meter.id, at):
        if row.tree not in trees:
            continue
        if row.valid_to is None and left.get(row.node_uid) == row.coefficient:
            del left[row.node_uid]
        else:
            await end_membership(edit, row.node_uid, meter.uid, row.valid_from, at)
    for node, factor in left.items():
        await set_membership(edit, Wanted(node, meter.uid, factor, at))


async def _open(edit: Edit, meter_id: int, at: datetime) -> list[Membership]:
    rows = await list_memberships(edit.tx, edit.project_id, meter=meter_id)
    return [row for row in rows if row.valid_to is None or row.valid_to > at]
