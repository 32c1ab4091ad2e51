"""History for `kilowise import`: what the accounted registers and powers showed by quarter hours.

NDJSON as docs/operating.md describes it ("Import"), the newest day first.
"""

import json
from pathlib import Path
from typing import TextIO

from gateway.contract.profile import Kind, Point
from gateway.simulator.boundaries import RegisterPoint, quarters, register_points
from gateway.simulator.field import Field
from gateway.simulator.plant import INSTALLED_DAYS
from gateway.simulator.simulation import SimulationError
from gateway.simulator.workdays import block_of, block_start

ACCOUNTED = frozenset({"ep_imp", "vol", "mass", "count"})
POWERS = frozenset({"p", "flow", "rate"})
LONGEST_DAYS = INSTALLED_DAYS - 2
_DAY_S = 86_400


def write_history(file: Path, field: Field, end: int, days: int) -> int:
    """Write `days` days up to `end` (Unix second); answers the number of readings."""
    if not 1 <= days <= LONGEST_DAYS:
        raise SimulationError(f"history of {days} days: the meters know 1 to {LONGEST_DAYS} days")
    places = _places(field)
    count = 0
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(_header(field, places), ensure_ascii=False) + "\n")
        for first, last in _days(field, end, days):
            for second in quarters(first, last - 1):
                count += _write_instant(out, field, places, second)
    return count


def _places(field: Field) -> list[tuple[str, Point]]:
    """Registers that are accounted and the flows beside them, of the plant's own meters."""
    return [
        (slug, point)
        for slug, meter in field.meters.items()
        if meter.device.bus != "bench"
        for point in meter.profile.points
        if (point.key in ACCOUNTED and point.kind is Kind.REGISTER) or point.key in POWERS
    ]


def _days(field: Field, end: int, days: int) -> list[tuple[int, int]]:
    """Plant days as [first, last) seconds, the newest, which `end` cuts short, first."""
    midnight = block_start(block_of(end) // 3 * 3)
    spans = [(midnight - back * _DAY_S, midnight - (back - 1) * _DAY_S) for back in range(days)]
    return [(max(first, field.plant.epoch), min(last, end + 1)) for first, last in spans]


def _write_instant(out: TextIO, field: Field, places: list[tuple[str, Point]], second: int) -> int:
    for number, (slug, point) in enumerate(places):
        value = field.value(slug, point, second)
        out.write(f"[{number},{second * 1000},{value!r}]\n")
    return len(places)


def _header(field: Field, places: list[tuple[str, Point]]) -> dict[str, object]:
    registers = {(r.meter.device.slug, r.point.name): r for r in register_points(field)}
    return {
        "kilowise": "readings",
        "version": 1,
        "gateway": field.plant.model.gateway,
        "points": [
            {"id": number} | _described(slug, point, registers.get((slug, point.name)))
            for number, (slug, point) in enumerate(places)
        ],
    }


def _described(slug: str, point: Point, register: RegisterPoint | None) -> dict[str, object]:
    row: dict[str, object] = {
        "device": slug,
        "name": point.name,
        "kind": point.kind.value,
        "unit": point.unit,
        "max_gap_s": point.max_gap_s,
    }
    if register is not None and register.modulus is not None:
        row["modulus"] = float(register.modulus)
    if register is not None and register.resolution is not None:
        row["resolution"] = float(register.resolution)
    return row
