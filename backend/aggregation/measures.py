"""What a curve can show, in SQL: which column is added up, and how the number is written."""

from enum import Enum
from typing import NamedTuple


class Formula(NamedTuple):
    """A measure in SQL: the column that is added up and how it is shown.

    `kind` is its type; `scaled` = integers of the energy's smallest unit; a rate or a share is
    divided by what `by` adds up to.
    """

    amount: str
    kind: str = "numeric"
    by: str = ""
    scaled: bool = False

    def shown(self, amount: str, per: str) -> str:
        """Answer the SQL of the number people see, of a step or of a sum of steps."""
        number = f"{amount}::numeric / %(per_unit)s" if self.scaled else amount
        return f"round({number}::numeric / nullif({per}, 0), 6)" if self.by else number

    @property
    def per(self) -> str:
        """What the amount of an account is divided by: what has none must not thin out others."""
        return f"CASE WHEN {self.amount} IS NOT NULL THEN {self.by} END" if self.by else "NULL"

    @property
    def total(self) -> str:
        """The SQL of the sum of all steps, `amount` and `per` being their columns."""
        return f"trim_scale({self.shown('sum(amount)', 'sum(per)')})"


class Measure(Enum):
    """What a curve shows, exactly.

    QUANTITY in the energy's display unit, POWER the mean of a step in that unit per hour, MEASURED
    the share (0 to 1) of the meter-seconds that stand on readings.
    """

    QUANTITY = Formula("a.qty", "bigint", scaled=True)
    KGCE = Formula("a.kgce")
    KGCO2 = Formula("a.kgco2")
    COST = Formula("a.cost")
    POWER = Formula(
        "a.qty", "bigint", "extract(epoch FROM a.end_ts - a.start_ts) / 3600", scaled=True
    )
    MEASURED = Formula("a.measured_s", "bigint", "nullif(a.expected_s, 0)::numeric")


def json_number(value: str) -> str:
    """Answer the SQL that writes a number as JSON with all its digits, null for none."""
    return f"coalesce(trim_scale({value})::text, 'null')"
