"""Where a plant's electricity comes from and goes to, by the roles of its settlement meters.

At every quarter hour: consumption = import + photovoltaics + own generation + discharge - charge -
export. Quantities are integers of the energy's smallest unit, shares exact fractions.
"""

from collections.abc import Mapping
from typing import Final

ROLES: Final[Mapping[str, int]] = {
    "grid_import": 1,
    "grid_export": -1,
    "pv": 1,
    "generation": 1,
    "storage_discharge": 1,
    "storage_charge": -1,
}
"""Roles of a settlement meter with the sign of its part in the consumption."""
