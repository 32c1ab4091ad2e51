"""Reading sheets for GraphQL and REST: the same door, the same limits, the same lines."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from backend.aggregation.calendar import period_of
from backend.aggregation.rollup import Scope
from backend.aggregation.sheets import Asked, Sheet, read_sheet
from backend.application.curves import Period, known_energy, scope_of
from backend.application.directory import Directory
from backend.application.graphql.context import Door
from backend.core.errors import InvalidInput
from gateway.contract.energy import EnergyType


@dataclass(frozen=True, slots=True)
class FoundSheet:
    """A sheet, whose it is (outside identity, names, slug), and the project's model of today."""

    scope: str
    name: dict[str, str]
    slug: str
    energy: EnergyType
    sheet: Sheet
    directory: Directory


async def find_sheet(
    door: Door, scope: str, period: Period, at: datetime, energy: str | None
) -> FoundSheet | None:
    """Answer the sheet of the period that holds `at`; None outside the calendar.

    A meter has one energy, of a node it is named. Raises InvalidInput and NotFound.
    """
    which, number = await scope_of(door, scope)
    directory = await door.directory()
    row = directory.meters[number] if which is Scope.METER else directory.nodes[number]
    if which is Scope.METER:
        energy = directory.meters[number].energy
    if energy is None:
        raise InvalidInput("energy_unknown", energy="")
    kind = known_energy(energy)
    async with door.read() as tx:
        bounds = await period_of(tx, door.project.id, period.stored, at)
        if bounds is None:
            return None
        asked = Asked(which, number, kind.code, period.stored, *bounds)
        sheet = await read_sheet(tx, door.project.id, asked)
    return FoundSheet(scope, row.name, row.slug, kind, sheet, directory)


def exact(value: Fraction) -> Decimal:
    """Answer a fraction as a decimal; 28 digits are enough where it has no end."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def displayed(value: Fraction, energy: EnergyType) -> Decimal:
    """Answer smallest units, also parts of one, in the display unit."""
    return exact(value).scaleb(-energy.decimals)


def shown_coefficient(value: Fraction, of: EnergyType, energy: EnergyType) -> Decimal:
    """Answer smallest units per smallest unit as display units per display unit."""
    return exact(value * of.smallest_per_unit / energy.smallest_per_unit)
