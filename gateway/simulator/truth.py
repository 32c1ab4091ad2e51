"""The truth file: what every register of the plant really counted in each quarter hour.

One JSON line a register: `{"device", "point", "energy", "unit", "start", "step_s", "quantities"}`;
quantities are whole smallest units of the energy (mWh, ml, g, pieces), wraps undone. Differences of
a register telescope, so sums over any run of quarter hours are exact too. They are what flowed: a
meter that is set to another current transformer than the one installed has `shown` beside it, what
its register counted.
"""

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from gateway.contract.energy import energy_type
from gateway.simulator.boundaries import (
    QUARTER_S,
    RegisterPoint,
    quarters,
    readings,
    register_points,
)
from gateway.simulator.field import Field


def write_truth(file: Path, field: Field, start: int, end: int) -> int:
    """Write the truth between two instants; answers the number of quarter hours."""
    instants = list(quarters(start, end))
    places = register_points(field)
    rows = [readings(field, places, second) for second in instants]
    with file.open("w", encoding="utf-8") as out:
        for index, place in enumerate(places):
            values = [row[index] for row in rows]
            shown = [place.quantity(before, after) for before, after in pairwise(values)]
            shares = [place.meter.shown_share(second) for second in instants]
            # A register of a wrong ratio counts fractions of a smallest unit of what flows.
            flowed = [round(one / share) for one, share in zip(shown, shares, strict=False)]
            line = _line(place, instants, flowed)
            out.write(json.dumps(line if flowed == shown else line | {"shown": shown}) + "\n")
    return max(0, len(instants) - 1)


def _line(place: RegisterPoint, instants: list[int], quantities: list[int]) -> dict[str, object]:
    start = datetime.fromtimestamp(instants[0], UTC).isoformat() if instants else None
    return {
        "device": place.meter.device.slug,
        "point": place.point.name,
        "energy": place.energy,
        "unit": energy_type(place.energy).smallest_unit.code,
        "start": start,
        "step_s": QUARTER_S,
        "quantities": quantities,
    }
