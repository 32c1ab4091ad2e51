"""Days of readings in even steps, all good, opened here instead of in the database: far cheaper.

By far the most arrays are of registers read at the grid of their poll. Such a day is sent as it is
stored and read from the first to the last instant that is wanted. All other days go through
`readings.SAMPLES`.
"""

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from sys import byteorder
from typing import Final, LiteralString, NamedTuple

from backend.acquisition.readings import day_of

IS_EVEN: Final = (
    "(d.quality_from IS NULL AND d.times_2 IS NULL AND d.times_4 IS NULL AND d.times_8 IS NULL"
    " AND (d.values_2 IS NOT NULL OR d.values_4 IS NOT NULL))"
)
"""The condition on a row `d` of `reading_day`: one of those that are opened here."""
_CODES: Final = {2: "h", 4: "i"}
_HEADER: Final = 20
"""Bytes of an array as PostgreSQL sends it before its first element: one dimension."""


class EvenDay(NamedTuple):
    """Whole numbers over `divisor`, `unit_us` apart from `first_us` on (microseconds since 1970).

    `steps` is an array of `width` bytes a number as PostgreSQL sends it: each number's step from
    the one before, the first from `base`.
    """

    first_us: int
    unit_us: int
    samples: int
    base: int
    divisor: float
    width: int
    steps: bytes

    def between(self, low: int, high: int) -> tuple[range, Sequence[int]]:
        """Answer the instants in [low, high] and the whole numbers of then."""
        begin = max(0, -((self.first_us - low) // self.unit_us))
        end = min(self.samples, (high - self.first_us) // self.unit_us + 1)
        if begin >= end:
            return range(0), ()
        first = self.first_us + begin * self.unit_us
        times = range(first, self.first_us + end * self.unit_us, self.unit_us)
        return times, list(islice(self._numbers(), begin, end))

    def _numbers(self) -> Iterator[int]:
        steps = array(_CODES[self.width], self.steps[_HEADER:])
        if byteorder == "little":
            steps.byteswap()
        # Before each number stands its length, in four bytes.
        words = 4 // self.width
        numbers = accumulate(steps[words :: words + 1], initial=self.base)
        next(numbers)
        return numbers


def even_days(point: LiteralString, low: LiteralString, high: LiteralString) -> LiteralString:
    """Answer SQL of the rows of EvenDay that may have readings of a point in [low, high].

    To be put into a statement that has the project as `%(project)s`.
    """
    return f"""
        SELECT (extract(epoch FROM d.first_ts) * 1000000)::bigint AS first_us, d.unit_us, d.count,
               d.base, d.divisor, CASE WHEN d.values_2 IS NULL THEN 4 ELSE 2 END AS width,
               CASE WHEN d.values_2 IS NULL THEN array_send(d.values_4)
                    ELSE array_send(d.values_2) END AS steps
        FROM reading_day d WHERE d.project_id = %(project)s AND d.point_id = {point}
          AND d.day BETWEEN {day_of(low)} AND {day_of(high)} AND {IS_EVEN}
    """
