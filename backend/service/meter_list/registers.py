"""Which register and power a new row's meter is read from. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from backend.service.meter_list.columns import Listed
from backend.service.meter_list.findings import Faults
from backend.service.meter_list.look import Look
from backend.service.meter_list.wiring import Profiles, WantedRow
from gateway.contract.energy import energy_type
from gateway.contract.profile import Kind
from gateway.contract.units import UnknownUnit, WrongDimension

POWER: Final = "p"
"""The point of a circuit's power, by the names of device profiles."""
Points = Mapping[str, tuple[str, str]]
"""Kind and unit by name."""


def find_points(row: WantedRow, look: Look, profiles: Profiles) -> Points:
    """Answer the points that the row's device has or will have."""
    known = look.devices.get(row.home)
    points = {} if known is None else dict(known.points)
    after = row.after
    profile = profiles.find(after.gateway or "", after.profile) if after.profile else None
    if profile is not None:
        points |= {point.name: (point.kind.value, point.unit) for point in profile.points}
    return points


def with_registers(row: WantedRow, points: Points, faults: Faults) -> Listed:
    """Answer the row with register and power named; notes what is wrong with them."""
    after = row.after
    prefix = f"{after.circuit}/" if after.circuit else ""
    if prefix and not any(name.startswith(prefix) for name in points):
        faults.add(row.number, "circuit", after.circuit, "meter_list_circuit")
        return after
    names = [
        name.removeprefix(prefix)
        for name, (kind, unit) in points.items()
        if kind == Kind.REGISTER.value and _circuit(name) == prefix and _counts(after, unit)
    ]
    register = after.register or next(iter(names), None)
    if register is None or (after.register is not None and register not in names):
        known = ", ".join(names) or "–"
        faults.add(row.number, "register", after.register, "meter_list_register", known=known)
    power = after.power
    if power is None and f"{prefix}{POWER}" in points:
        power = POWER
    elif power is not None and f"{prefix}{power}" not in points:
        faults.add(row.number, "power", power, "meter_list_power")
    return replace(after, register=register, power=power)


def _circuit(name: str) -> str:
    head, slash, _ = name.rpartition("/")
    return head + slash


def _counts(row: Listed, unit: str) -> bool:
    try:
        energy_type(row.energy or "").per_point_unit(unit)
    except (UnknownUnit, WrongDimension):
        return False
    return True
