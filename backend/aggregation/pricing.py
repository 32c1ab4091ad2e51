"""What a quarter hour of an energy costs and stands for: price, kgce and kgCO2 per smallest unit.

All exact: a display unit is a power of ten of smallest units, so dividing shifts the point.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from backend.aggregation.factors import Stretch, read_factors, timeline
from backend.core.db import ReadSession
from gateway.contract.energy import energy_type, energy_types


class Rates(NamedTuple):
    """Per smallest unit; None where no factor or price is in force."""

    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


class Pricing:
    """The rates of a project between two instants."""

    def __init__(
        self,
        factors: Sequence[Stretch],
        prices: Mapping[tuple[str, int], Decimal],
    ) -> None:
        """Take stretches of factors, and prices by (energy, Unix second of the quarter hour)."""
        self._prices = prices
        self._factors: dict[tuple[str, str], tuple[list[float], list[Stretch]]] = {}
        for one in factors:
            starts, stretches = self._factors.setdefault((one.energy, one.substance), ([], []))
            starts.append(one.start.timestamp())
            stretches.append(one)
        self._known: dict[tuple[str, int], Rates] = {}

    def rates(self, energy: str, second: int) -> Rates:
        """Answer the rates of the quarter hour that begins at a Unix second."""
        key = (energy, second)
        found = self._known.get(key)
        if found is None:
            decimals = energy_type(energy).decimals
            parts = (
                self._factor(energy, "kgce", second),
                self._factor(energy, "kgco2", second),
                self._prices.get(key),
            )
            found = Rates(*(None if one is None else one.scaleb(-decimals) for one in parts))
            self._known[key] = found
        return found

    def _factor(self, energy: str, substance: str, second: int) -> Decimal | None:
        starts, stretches = self._factors.get((energy, substance), ([], []))
        place = bisect_right(starts, second) - 1
        if place < 0 or second >= stretches[place].end.timestamp():
            return None
        return stretches[place].value


async def read_pricing(tx: ReadSession, project_id: int, first: datetime, end: datetime) -> Pricing:
    """Answer the rates of quarter hours in [first, end)."""
    factors = [
        one for one in timeline(await read_factors(tx, project_id)) if one.energy in energy_types()
    ]
    rows = await tx.fetch_tuples(
        "SELECT energy, extract(epoch FROM start_ts)::bigint, price FROM tariff_slot"
        " WHERE project_id = %s AND start_ts >= %s AND start_ts < %s",
        (project_id, first, end),
    )
    return Pricing(factors, {(energy, second): price for energy, second, price in rows})
