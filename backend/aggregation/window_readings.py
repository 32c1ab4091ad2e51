"""The readings of registers that their windows stand on, from wherever they are stored.

Readings come as one binary string a register, 18 bytes a sample, and days of even steps as they are
stored.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Final

from backend.acquisition.even_days import IS_EVEN, EvenDay, even_days
from backend.acquisition.readings import between
from backend.aggregation.events import Sample
from backend.aggregation.registers import RegisterSpec
from backend.core.db import ReadSession

AT: Final = "timestamptz 'epoch' + {} * interval '1 microsecond'"
USABLE: Final = "r.quality < 4 AND r.value > '-Infinity' AND r.value < 'Infinity'"
"""The condition on a reading `r` that can be accounted."""
STRETCHES: Final = f"""
(SELECT n, point, {AT.format("low")} AS low, {AT.format("high")} AS high
 FROM unnest(%(points)s::bigint[], %(low)s::bigint[], %(high)s::bigint[])
      WITH ORDINALITY AS u (point, low, high, n)) AS o
"""
"""Stretches of points as rows `o`, numbered from 1; `low` and `high` in microseconds."""
# One statement, because a day may become arrays between two.
_READINGS: Final = f"""
SELECT o.n, string_agg(timestamptz_send(r.ts) || float8send(r.value) || int2send(r.quality), ''),
       {", ".join(f"NULL AS {name}" for name in EvenDay._fields)}
FROM {STRETCHES}
CROSS JOIN LATERAL ({between("o.point", "o.low", "o.high", USABLE, f"NOT {IS_EVEN}")}) AS r
GROUP BY o.n
UNION ALL
SELECT o.n, NULL, d.* FROM {STRETCHES}
CROSS JOIN LATERAL ({even_days("o.point", "o.low", "o.high")}) AS d
"""


async def read_readings(
    tx: ReadSession,
    span: Mapping[str, object],
    specs: Sequence[RegisterSpec],
    bounds: Sequence[tuple[int, int]],
) -> list[list[Sample]]:
    """Answer the usable readings of registers within their bounds, in time's order.

    `span` has the project, and points, low and high instants (microseconds) in the order of `specs`
    and of `bounds`, which are the same (low, high).
    """
    found: list[list[Sample]] = [[] for _ in specs]
    for n, blob, *row in await tx.fetch_tuples(_READINGS, span):
        spec = specs[n - 1]
        if blob is not None:
            found[n - 1].extend(spec.readings(blob))
            continue
        day = EvenDay(*row)
        times, numbers = day.between(*bounds[n - 1])
        if numbers:
            counts = spec.counts_of(numbers, int(day.divisor))
            found[n - 1].extend(zip(times, counts, repeat(0)))
    return [sorted(one) for one in found]
