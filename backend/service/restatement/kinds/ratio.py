"""A meter was read with a wrong CT or PT ratio: what it counted is worth right over wrong."""

from datetime import datetime
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, Field

from backend.aggregation.register_events import Kind, RegisterEvent
from backend.core.errors import InvalidInput
from backend.service.restatement.kinds.base import Moment
from backend.service.restatement.kinds.register import RegisterChange


def _ratio(text: str) -> str:
    if any(Fraction(part) == 0 for part in text.split("/")):
        raise ValueError("must be two numbers above 0, such as 200/5")
    return text


Ratio = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,7}(\.[0-9]{1,3})?/[0-9]{1,7}(\.[0-9]{1,3})?$"),
    AfterValidator(_ratio),
]
"""Primary over secondary as the nameplate says it: 200/5, 10000/100."""


class RatioChange(RegisterChange):
    """The ratios of a meter as they were entered and as they are, from `since` on.

    `until`: when the right one was entered; none: it is still wrong.
    """

    name = "ratio"
    wrong_ct: Ratio | None = None
    right_ct: Ratio | None = None
    wrong_pt: Ratio | None = None
    right_pt: Ratio | None = None
    since: Moment
    until: Moment | None = None

    @property
    def factor(self) -> Fraction:
        """Right over wrong, exact. Raises InvalidInput for half a pair."""
        factor = Fraction(1)
        for wrong, right in ((self.wrong_ct, self.right_ct), (self.wrong_pt, self.right_pt)):
            if (wrong is None) != (right is None):
                raise InvalidInput("restatement_ratio_half")
            if wrong is not None and right is not None:
                factor *= _value(right) / _value(wrong)
        return factor

    @property
    def begins(self) -> datetime:
        """When it begins."""
        return self.since

    def event(self, point: int) -> RegisterEvent:
        """Answer the factor of the register. Raises InvalidInput when nothing changes."""
        if self.factor == 1:
            raise InvalidInput("restatement_ratio_same")
        return RegisterEvent(point, Kind.RATIO, self.since, until=self.until, factor=self.factor)


def _value(ratio: str) -> Fraction:
    primary, secondary = ratio.split("/")
    return Fraction(primary) / Fraction(secondary)
