"""What is wrong with the rows of a meter list, each against the project. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from backend.service.meter_list.cells import overlay
from backend.service.meter_list.columns import FIXED, WIRING, Listed
from backend.service.meter_list.findings import Faults
from backend.service.meter_list.look import Look
from backend.service.meter_list.registers import find_points, with_registers
from backend.service.meter_list.wiring import Profiles, WantedRow
from backend.service.plant.editing import LONGEST_NAME
from backend.service.plant.memberships import LARGEST, MOST_DIGITS
from gateway.contract.energy import energy_types

Home = tuple[str, str]


def check_rows(
    wanted: Sequence[WantedRow],
    first: Mapping[Home, WantedRow],
    look: Look,
    profiles: Profiles,
    faults: Faults,
) -> list[WantedRow]:
    """Answer the rows that are good, those of new meters with register and power named."""
    good = []
    taken = {_register(row): str(row.meter) for row in look.meters.values()}
    for row in wanted:
        if row.number in faults.rows:
            continue
        checked = row
        _check_common(row, look, faults)
        if row.before is None:
            checked = _check_new(row, first, look, profiles, faults)
            other = taken.setdefault(_register(checked.after), f"{row.number}")
            if other != f"{row.number}" and row.number not in faults.rows:
                faults.add(
                    row.number, "register", checked.after.register, "meter_list_taken", by=other
                )
        else:
            _check_known(row, row.before, look, faults)
        if row.number not in faults.rows:
            good.append(checked)
    return good


def _check_common(row: WantedRow, look: Look, faults: Faults) -> None:
    after, number = row.after, row.number
    if not after.name and not after.name_zh:
        faults.add(number, "name", None, "meter_list_name")
    for column, name in (("name", after.name), ("name_zh", after.name_zh)):
        if name is not None and len(name) > LONGEST_NAME:
            faults.add(number, column, name, "name_long", most=LONGEST_NAME)
    for tree, places in after.places.items():
        nodes = look.trees.get(tree)
        for slug, factor in places:
            if nodes is not None and slug not in nodes:
                faults.add(number, f"place:{tree}", slug, "meter_list_place", tree=tree)
            if not _is_coefficient(factor):
                faults.add(
                    number, f"place:{tree}", factor, "coefficient",
                    most=str(LARGEST), digits=MOST_DIGITS,
                )  # fmt: skip


def _is_coefficient(factor: Decimal) -> bool:
    digits = factor.as_tuple().exponent
    return isinstance(digits, int) and -digits <= MOST_DIGITS and 0 < abs(factor) <= LARGEST


def _check_known(row: WantedRow, before: Listed, look: Look, faults: Faults) -> None:
    for name in FIXED:
        if row.after.told(name) != before.told(name):
            stored = before.told(name)
            value = "–" if stored is None else str(stored)
            faults.add(row.number, name, row.after.told(name), "meter_list_fixed", stored=value)
    if before.meter in look.roles and row.after.level != before.level:
        faults.add(row.number, "level", row.after.level, "meter_role_where")


def _check_new(
    row: WantedRow,
    first: Mapping[Home, WantedRow],
    look: Look,
    profiles: Profiles,
    faults: Faults,
) -> WantedRow:
    after = row.after
    for name in ("energy", "gateway", "device"):
        if after.told(name) is None:
            faults.add(row.number, name, None, "meter_list_missing")
    if after.energy is not None and after.energy not in energy_types():
        known = ", ".join(sorted(energy_types()))
        faults.add(row.number, "energy", after.energy, "meter_list_energy", known=known)
    if after.end:
        faults.add(row.number, "end", "yes", "meter_list_end_new")
    said = first.get(row.home)
    if said is None and row.home not in look.devices:
        faults.add(row.number, "profile", None, "meter_list_profile")
    if row.number in faults.rows:
        return row
    if said is not None:
        after = overlay(after, {name: said.after.told(name) for name in WIRING})
    _check_own_file(row, look, faults)
    row = replace(row, after=after)
    return replace(row, after=with_registers(row, find_points(row, look, profiles), faults))


def _check_own_file(row: WantedRow, look: Look, faults: Faults) -> None:
    """A pushed list of devices takes the place of the gateway's own: none may get lost."""
    gateway = look.gateways.get(row.after.gateway or "")
    if gateway is None or "devices" in gateway.document.data:
        return
    own = [slug for (home, slug), one in look.devices.items() if home == gateway.slug and one.born]
    if own and row.wired:
        faults.add(
            row.number, "gateway", gateway.slug, "meter_list_own_file",
            devices=", ".join(sorted(own)[:5]),
        )  # fmt: skip


def _register(row: Listed) -> tuple[str | None, ...]:
    return row.gateway, row.device, row.point(row.register), row.energy
