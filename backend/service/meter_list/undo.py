"""Going back: what a meter list changed is as it was, from now on; the past stays."""

from datetime import datetime
from decimal import Decimal

import msgspec

from backend.core.errors import Conflict
from backend.core.ids import decode_id
from backend.service.gateways.configuration import (
    GatewayKey,
    find_config,
    newest_config,
    put_config,
)
from backend.service.gateways.records import find_gateway
from backend.service.meter_list.differences import ADDED, ENDED
from backend.service.meter_list.places import Stored, place_meter, read_places
from backend.service.plant.editing import Edit
from backend.service.plant.meters import (
    MeterRow,
    Traits,
    change_meter,
    end_meter,
    find_meter,
    reopen_meter,
    set_asset,
)

NOTHING_READ = "devices: []\n"
"""The document of a gateway that had none before the list."""


class MeterTraits(msgspec.Struct, frozen=True):
    """What a meter was; decimals as texts."""

    level: int
    accuracy: str | None
    nameplate: str | None
    own_product: bool
    role: str | None


class MeterUndo(msgspec.Struct, frozen=True):
    """How a meter was before it was changed or ended; of one that was added nothing."""

    meter: str
    change: str
    name: dict[str, str] = {}
    asset: str | None = None
    traits: MeterTraits | None = None
    places: Stored = {}


class Undo(msgspec.Struct, frozen=True):
    """Everything a list changed; `versions` are those of documents before and after, by gateway."""

    since: datetime
    meters: list[MeterUndo]
    versions: dict[str, list[int]]


def traits_of(row: MeterRow) -> MeterTraits:
    """Answer what a meter is, to be stored."""
    accuracy, nameplate = row.accuracy, row.nameplate
    return MeterTraits(
        row.level,
        None if accuracy is None else str(accuracy),
        None if nameplate is None else str(nameplate),
        row.own_product,
        row.role,
    )


async def take_back(edit: Edit, undo: Undo, note: str) -> None:
    """Put meters and documents back. Conflict where somebody changed a document since."""
    at = max(undo.since, edit.next_quarter())
    for one in reversed(undo.meters):
        await _meter(edit, one, undo.since, at)
    for slug, versions in undo.versions.items():
        await _document(edit, slug, versions, note)


async def _meter(edit: Edit, one: MeterUndo, since: datetime, at: datetime) -> None:
    meter = await find_meter(edit.tx, edit.project_id, decode_id("mtr", one.meter))
    if one.change == ADDED:
        if meter.valid_to is None:
            await end_meter(edit, meter.uid, None)
        return
    if one.change == ENDED:
        if meter.valid_to is not None:
            meter = await reopen_meter(edit, meter)
        at = since
    if one.traits is not None:
        await change_meter(edit, meter.uid, one.name, _traits(one.traits))
        await set_asset(edit, meter, one.asset)
    wanted = read_places(one.places)
    trees = {*one.places} | await _trees(edit)
    await place_meter(edit, meter, trees, wanted, at)


def _traits(stored: MeterTraits) -> Traits:
    accuracy, nameplate = stored.accuracy, stored.nameplate
    return Traits(
        stored.level,
        None if accuracy is None else Decimal(accuracy),
        None if nameplate is None else Decimal(nameplate),
        stored.own_product,
        stored.role,
    )


async def _trees(edit: Edit) -> set[str]:
    rows = await edit.tx.fetch_tuples(
        "SELECT DISTINCT tree FROM node WHERE project_id = %s", (edit.project_id,)
    )
    return {str(tree) for (tree,) in rows}


async def _document(edit: Edit, slug: str, versions: list[int], note: str) -> None:
    before, after = versions
    found = await find_gateway(edit.tx, edit.project_id, uid=None, slug=slug)
    if found is None:
        return
    key = GatewayKey(found.id, found.uid)
    newest = await newest_config(edit.tx, edit.project_id, key.id)
    if newest is None or newest.version != after:
        raise Conflict("meter_list_newer", gateway=slug)
    text = NOTHING_READ
    if before:
        text = (await find_config(edit.tx, edit.project_id, key.id, before)).content
    await put_config(edit.tx, edit.project_id, key, text, note, edit.asker, edit.now, after=after)
