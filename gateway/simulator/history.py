"""History for `kilowise import`: what the accounted registers and powers showed by quarter hours.

NDJSON as docs/operating.md describes it ("Import"), the newest day first. Powers reach back 35
days, registers as far as is asked. In parts, each file is whole from the moment it has its name, so
that it can be imported while the next, older one is written.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from gateway.contract.profile import Kind, Point
from gateway.simulator.boundaries import RegisterPoint, quarters, register_points
from gateway.simulator.field import Field
from gateway.simulator.plant import INSTALLED_DAYS
from gateway.simulator.simulation import SimulationError
from gateway.simulator.workdays import block_of, block_start

ACCOUNTED = frozenset({"ep_imp", "vol", "mass", "count"})
POWERS = frozenset({"p", "flow", "rate"})
LONGEST_DAYS = INSTALLED_DAYS - 2
POWER_DAYS = 35
_DAY_S = 86_400


def write_history(file: Path, field: Field, end: int, days: int, part_days: int = 0) -> int:
    """Write `days` days up to `end` (Unix second); answers the number of readings.

    With `part_days` the files are FILE.1 (the newest days), FILE.2, ... of so many days each.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise SimulationError(f"history of {days} days: the meters know 1 to {LONGEST_DAYS} days")
    spans = list(_days(field, end, days))
    size = part_days or days
    parts = [spans[first : first + size] for first in range(0, days, size)]
    count, ago = 0, 0
    for number, part in enumerate(parts, 1):
        path = file.with_name(f"{file.name}.{number}") if part_days else file
        count += _write_part(path, field, part, ago)
        ago += len(part)
    return count


def _write_part(path: Path, field: Field, spans: Sequence[tuple[int, int]], ago: int) -> int:
    """Write the days of one file, of which the newest is `ago` days old."""
    places = _places(field)
    registers = [place for place in places if place[1].kind is Kind.REGISTER]
    numbers = {(slug, point.name): number for number, (slug, point) in enumerate(places)}
    written = path.with_name(path.name + ".new")
    count = 0
    with written.open("w", encoding="utf-8") as out:
        out.write(json.dumps(_header(field, places), ensure_ascii=False) + "\n")
        for back, (first, last) in enumerate(spans, ago):
            shown = places if back < POWER_DAYS else registers
            for second in quarters(first, last - 1):
                for slug, point in shown:
                    value = field.value(slug, point, second)
                    out.write(f"[{numbers[slug, point.name]},{second * 1000},{value!r}]\n")
                count += len(shown)
    written.replace(path)
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
