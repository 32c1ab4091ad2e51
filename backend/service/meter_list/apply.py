"""Makes what a meter list asks for, in one transaction: gateways, devices, meters, documents.

Each change goes through the service that people's single changes go through, so each is checked and
audited. What it takes to go back is answered.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from backend.acquisition.births import import_device
from backend.acquisition.foreseen import foreseen
from backend.core.ids import decode_id
from backend.service.gateways.configuration import GatewayKey, put_config
from backend.service.gateways.records import find_gateway, make_gateway
from backend.service.meter_list.columns import Listed
from backend.service.meter_list.differences import ADDED, ENDED, MeterPlan
from backend.service.meter_list.look import Look
from backend.service.meter_list.places import place_meter, places_of
from backend.service.meter_list.plan import Plan
from backend.service.meter_list.undo import MeterUndo, Undo, traits_of
from backend.service.meter_list.wiring import Profiles
from backend.service.plant.editing import Edit
from backend.service.plant.meters import (
    MeterRow,
    NewMeter,
    Traits,
    change_meter,
    create_meter,
    end_meter,
    find_meter,
    set_asset,
)
from backend.service.plant.origins import Origin
from gateway.contract.profile import Ratios


async def apply_plan(edit: Edit, plan: Plan, look: Look, note: str) -> Undo:
    """Make everything; answer what goes back to how it was."""
    since = edit.next_quarter()
    gateways = await _gateways(edit, plan)
    await _devices(edit, plan, look, gateways)
    undone = [await _meter(edit, one, look, since) for one in plan.meters]
    versions: dict[str, list[int]] = {}
    for one in plan.gateways:
        row = await put_config(
            edit.tx, edit.project_id, gateways[one.slug], one.text, note, edit.asker, edit.now,
            after=one.version,
        )  # fmt: skip
        versions[one.slug] = [one.version, row.version]
    return Undo(since, undone, versions)


async def _gateways(edit: Edit, plan: Plan) -> dict[str, GatewayKey]:
    """Make the gateways that are new; answer all by slug."""
    wanted = {one.slug for one in plan.gateways} | {
        one.after.gateway for one in plan.meters if one.after.gateway
    }
    found = {}
    for slug in sorted(wanted):
        key = await find_gateway(edit.tx, edit.project_id, uid=None, slug=slug)
        if key is None:
            key = await make_gateway(edit.tx, edit.project_id, slug, slug, edit.now)
        found[slug] = GatewayKey(key.id, key.uid)
    return found


async def _devices(edit: Edit, plan: Plan, look: Look, gateways: Mapping[str, GatewayKey]) -> None:
    """Make the devices of new meters, with the points of their profiles."""
    profiles, done = Profiles(look), set[tuple[str, str]]()
    for one in plan.meters:
        after = one.after
        home = (after.gateway or "", after.device or "")
        if one.change != ADDED or home in done or after.profile is None:
            continue
        done.add(home)
        profile = profiles.find(home[0], after.profile)
        if profile is not None:
            born = foreseen(home[1], profile, _ratios(after))
            await import_device(edit.tx, edit.project_id, gateways[home[0]].id, born, edit.now)


def _ratios(row: Listed) -> Ratios:
    one = Fraction(1)
    return Ratios(
        one if row.pt is None else Fraction(row.pt), one if row.ct is None else Fraction(row.ct)
    )


async def _meter(edit: Edit, one: MeterPlan, look: Look, since: datetime) -> MeterUndo:
    if one.change == ADDED:
        made = await _add(edit, one.after, since)
        await _place(edit, one, made, look, since)
        return MeterUndo(made.outside, ADDED)
    uid = decode_id("mtr", str(one.after.meter))
    before = await find_meter(edit.tx, edit.project_id, uid)
    undo = MeterUndo(
        before.outside,
        one.change,
        dict(before.name),
        None if one.before is None else one.before.asset,
        traits_of(before),
        await places_of(edit, before.id, since),
    )
    if one.change == ENDED:
        await end_meter(edit, uid, None)
        return undo
    if one.described:
        await _describe(edit, one, before)
    await _place(edit, one, before, look, since)
    return undo


async def _place(edit: Edit, one: MeterPlan, meter: MeterRow, look: Look, since: datetime) -> None:
    """Have a meter count where its row says, in the trees whose cells differ."""
    for tree in one.trees:
        wanted = {look.trees[tree][slug]: factor for slug, factor in one.after.places[tree]}
        await place_meter(edit, meter, {tree}, wanted, since)


async def _add(edit: Edit, row: Listed, since: datetime) -> MeterRow:
    device = await edit.tx.fetch_value(
        "SELECT d.uid FROM device d JOIN gateway g ON g.project_id = %(project)s"
        " AND g.id = d.gateway_id WHERE d.project_id = %(project)s AND d.slug = %(device)s"
        " AND g.slug = %(gateway)s",
        {"project": edit.project_id, "device": row.device, "gateway": row.gateway},
        into=UUID,
    )
    origin = Origin("register", device, row.point(row.register), row.point(row.power))
    wanted = NewMeter(name_of(row), row.energy or "", origin, Traits(level=row.level), since)
    made = await create_meter(edit, wanted)
    if row.asset is not None:
        await set_asset(edit, made, row.asset)
    return made


async def _describe(edit: Edit, one: MeterPlan, before: MeterRow) -> None:
    traits = Traits(
        one.after.level, before.accuracy, before.nameplate, before.own_product, before.role
    )
    row = await change_meter(edit, before.uid, name_of(one.after), traits)
    if one.before is None or one.after.asset != one.before.asset:
        await set_asset(edit, row, one.after.asset)


def name_of(row: Listed) -> dict[str, str]:
    """Answer a meter's name by language."""
    both = {"en": row.name, "zh-CN": row.name_zh}
    return {locale: text for locale, text in both.items() if text}
