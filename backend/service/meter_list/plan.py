"""A meter list laid over what a project has: what is wrong, and what would change. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.core.errors import InvalidInput
from backend.service.gateways.configuration import checked
from backend.service.imports.cells import BadCell
from backend.service.imports.sheet import Cell, Formula, Sheet, SheetFault
from backend.service.meter_list.cells import overlay, read_cell
from backend.service.meter_list.columns import (
    WIRING,
    Columns,
    Listed,
    Places,
    Value,
    find_columns,
    listed,
    tree_of,
)
from backend.service.meter_list.differences import (
    GatewayPlan,
    MeterPlan,
    gateway_plans,
    meter_plans,
    told_gateway,
    told_meter,
)
from backend.service.meter_list.findings import MOST_FAULTS, Faults, Findings
from backend.service.meter_list.judge import check_rows
from backend.service.meter_list.look import Look
from backend.service.meter_list.wiring import Profiles, WantedRow, check_devices

MOST_ROWS: Final = 5000
MOST_NEW: Final = 1000
"""Meters that one file may add."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file is good for: its findings, and the changes in the order they are made."""

    findings: Findings
    meters: tuple[MeterPlan, ...]
    gateways: tuple[GatewayPlan, ...]


def plan(sheet: Sheet, look: Look) -> Plan:
    """Lay a sheet over a project. Raises SheetFault for one that is no meter list."""
    columns = find_columns(sheet.headers)
    if len(sheet.rows) > MOST_ROWS:
        raise SheetFault("sheet_rows", most=MOST_ROWS)
    trees = [name for name in columns.places if (tree_of(name) or "") not in {"", *look.trees}]
    faults = Faults(columns)
    wanted = _read(sheet, columns, look, faults)
    profiles = Profiles(look)
    first = check_devices(
        [one for one in wanted if one.number not in faults.rows], look, profiles, faults
    )
    rows = check_rows(wanted, first, look, profiles, faults)
    meters = meter_plans(rows)
    if sum(one.change == "added" for one in meters) > MOST_NEW:
        raise SheetFault("meter_list_many", most=MOST_NEW)
    gateways = gateway_plans(rows, first, look)
    for one in gateways:
        _check_document(one, faults)
    named = {row.before.meter for row in wanted if row.before is not None}
    findings = Findings(
        len(sheet.rows),
        len(rows) - len(meters),
        len(look.meters.keys() - named),
        len(faults.found),
        [*columns.unknown, *trees],
        faults.found[:MOST_FAULTS],
        [told_meter(one) for one in meters],
        [told_gateway(one) for one in gateways],
    )
    return Plan(findings, tuple(meters), tuple(gateways))


def _read(sheet: Sheet, columns: Columns, look: Look, faults: Faults) -> list[WantedRow]:
    found, seen = [], dict[str, int]()
    for number, cells in sheet.rows:
        written = _written(number, cells, columns, faults)
        id = written.get("meter")
        before = look.meters.get(str(id)) if id is not None else None
        if id is not None and before is None:
            faults.add(number, "meter", id, "meter_list_unknown")
        if id is not None and seen.setdefault(str(id), number) != number:
            faults.add(number, "meter", id, "meter_list_twice", first=seen[str(id)])
        wired = any(written.get(name) is not None for name in WIRING)
        if not wired:
            written = {name: value for name, value in written.items() if name not in WIRING}
        base = before or _device_of(written, look)
        found.append(WantedRow(number, before, overlay(base, written), wired))
    return found


def _device_of(written: Mapping[str, Value | Places], look: Look) -> Listed:
    """What is known of a new meter: how its device is read, where another meter says so."""
    for row in look.meters.values():
        if (row.gateway, row.device) == (written.get("gateway"), written.get("device")):
            return listed({name: row.told(name) for name in WIRING})
    return Listed()


def _written(
    number: int, cells: Sequence[Cell], columns: Columns, faults: Faults
) -> dict[str, Value | Places]:
    found: dict[str, Value | Places] = {}
    for name, place in columns.places.items():
        cell = cells[place] if place < len(cells) else None
        try:
            found[name] = read_cell(name, cell)
        except BadCell as bad:
            shown = cell.text if isinstance(cell, Formula) else cell
            faults.add(number, name, shown, bad.code, **bad.params)
    return found


def _check_document(gateway: GatewayPlan, faults: Faults) -> None:
    """The whole document as the gateway's own checks see it; told at the first row of it."""
    try:
        checked(gateway.text)
    except InvalidInput as fault:
        told = str(fault.params["told"])
        faults.add(gateway.row, "gateway", gateway.slug, "meter_list_document", told=told)
