"""What is asked before a reading that a person entered is kept. Pure.

Values are of the register, in its point's unit.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from backend.core.errors import InvalidInput

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(minutes=5)
MOST: Final = Decimal(10**15)
"""No register shows as much: above it a double loses whole units."""
MARGIN: Final = Decimal("1.2")
"""More than nameplate x 1.2 is suspect (case 6)."""
HOUR: Final = timedelta(hours=1)


class Question(StrEnum):
    """What is doubtful in a reading; texts under `hand.question.<value>`."""

    LESS = "less"
    """Less than the last reading: did it wrap, was the meter exchanged, or is it a typing error?"""
    MORE = "more"
    """More than the nameplate allows since the last reading."""
    AFTER = "after"
    """More than a later reading shows."""


class Answer(StrEnum):
    """What a person says to a question; to enter another value answers it as well."""

    WRAPPED = "wrapped"
    EXCHANGED = "exchanged"
    SURE = "sure"


ANSWERS: Final = {
    Question.LESS: frozenset({Answer.WRAPPED, Answer.EXCHANGED}),
    Question.MORE: frozenset({Answer.SURE, Answer.EXCHANGED}),
    Question.AFTER: frozenset({Answer.SURE}),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading that is kept already."""

    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around the instant of a reading: the register, its neighbours in time.

    `per_hour` is the nameplate in the point's unit.
    """

    before: Seen | None
    after: Seen | None
    per_hour: Decimal | None
    modulus: Decimal | None

    def difference(self, value: Decimal, answer: Answer | None = None) -> Decimal | None:
        """Answer what the register counted since the last reading; None without one."""
        if self.before is None:
            return None
        wrapped = answer is Answer.WRAPPED and self.modulus is not None
        return value - self.before.value + (self.modulus or Decimal(0) if wrapped else 0)

    def most(self, at: datetime) -> Decimal | None:
        """Answer what the nameplate allows since the last reading; None where nobody knows."""
        if self.before is None or self.per_hour is None:
            return None
        elapsed = Decimal((at - self.before.at) // timedelta(seconds=1)) / 3600
        return self.per_hour * MARGIN * elapsed


def questions(
    around: Around, at: datetime, value: Decimal, answer: Answer | None = None
) -> list[Question]:
    """Answer what is doubtful in a reading and not settled by the person's answer.

    A wrap has to be plausible by the nameplate, too.
    """
    step, most = around.difference(value), around.most(at)
    counted = around.difference(value, answer)
    asked = []
    if step is not None and step < 0:
        asked.append(Question.LESS)
    if counted is not None and most is not None and counted > most:
        asked.append(Question.MORE)
    if around.after is not None and value > around.after.value:
        asked.append(Question.AFTER)
    return [one for one in asked if answer not in ANSWERS[one]]


def refuse_reading(at: datetime, value: Decimal, now: datetime) -> None:
    """Raise InvalidInput for what can be no reading, whatever a person answers."""
    if at > now + AHEAD:
        raise InvalidInput("entry_in_the_future", field="time")
    if at < EARLIEST:
        raise InvalidInput("entry_too_old", field="time")
    if not value.is_finite():
        raise InvalidInput("entry_number", field="value")
    if not 0 <= value < MOST:
        raise InvalidInput("hand_value", field="value")
