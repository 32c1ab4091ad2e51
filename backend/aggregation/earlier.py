"""What a span is compared with: the one before it, or the same dates a year earlier.

Dates move, not seconds: a month compares with a month however long they are, and a span that ends
at 09:00 with one that ends at 09:00. The 29th to 31st become a shorter month's last day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from backend.aggregation.calendar import PlantTime, later

LAST_COMMON_DAY = 28
"""Every month has this day, so spans between such days are whole months."""


class Against(Enum):
    """PREVIOUS: the span of the same length that ends where this one begins; YEAR: a year ago."""

    PREVIOUS = "PREVIOUS"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Back:
    """A step into the past of some months, or of some days."""

    months: int = 0
    days: int = 0

    def of(self, plant: PlantTime, moment: datetime) -> datetime:
        """Answer the moment this far back: the same time of the business day of another date."""
        day = plant.day_of(moment)
        earlier = later(day, -self.months) - timedelta(days=self.days)
        return plant.start_of(earlier) + (moment - plant.start_of(day))


def back(plant: PlantTime, start: datetime, end: datetime, against: Against) -> Back:
    """Answer how far back the span lies that [start, end) is compared with."""
    if against is Against.YEAR:
        return Back(months=12)
    first, last = plant.day_of(start), plant.day_of(end)
    if first.day == last.day <= LAST_COMMON_DAY and first < last:
        return Back(months=(last.year - first.year) * 12 + last.month - first.month)
    whole_days = end == plant.start_of(last)
    return Back(days=max(1, (last - first).days + (0 if whole_days else 1)))
