"""Loading what is known of registers beside their readings, for the windows that are recomputed.

Revoked events are left out, and changes that an exchange or a ratio has answered.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from backend.aggregation.events import ALWAYS, Events, Exchange, Ratio, Span
from backend.aggregation.registers import RegisterSpec
from backend.core.db import ReadSession

OPEN: Final = """
e.kind = 'changed' AND e.revoked_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM register_event a WHERE a.project_id = %(project)s AND a.point_id = e.point_id
    AND a.answers = e.id AND a.revoked_at IS NULL)
"""
"""The condition on a row `e` of register_event: a change that nobody has answered."""
US: Final = "(extract(epoch FROM {}) * 1000000)::bigint"
"""An instant as microseconds since 1970."""
_AT: Final = "timestamptz 'epoch' + {} * interval '1 microsecond'"
_KNOWN: Final = f"""
SELECT o.n, e.kind, {US.format("e.ts")}, {US.format("e.until_ts")}, e.final_value,
       e.initial_value, e.factor
FROM (SELECT n, point, {_AT.format("low")} AS low, {_AT.format("high")} AS high
      FROM unnest(%(points)s::bigint[], %(low)s::bigint[], %(high)s::bigint[])
           WITH ORDINALITY AS u (point, low, high, n)) AS o
JOIN register_event e ON e.project_id = %(project)s AND e.point_id = o.point
     AND e.revoked_at IS NULL AND e.ts <= o.high
WHERE CASE e.kind WHEN 'exchange' THEN e.ts > o.low WHEN 'changed' THEN {OPEN}
                  ELSE coalesce(e.until_ts, 'infinity') > o.low END
ORDER BY o.n, e.ts, e.id
"""


async def read_known(
    tx: ReadSession, span: Mapping[str, object], specs: Sequence[RegisterSpec]
) -> list[Events]:
    """Answer what is known of registers, each in its own stretch of time.

    `span` has the project, and points, low and high instants (microseconds) in the order of
    `specs`; exchanges in (low, high], and all else that reaches into it.
    """
    found = [_Found(spec) for spec in specs]
    for n, *row in await tx.fetch_tuples(_KNOWN, span):
        found[n - 1].add(*row)
    return [one.events() for one in found]


class _Found:
    """The events of one register as they are read, in time's order."""

    def __init__(self, spec: RegisterSpec) -> None:
        self.spec = spec
        self.exchanges: list[Exchange] = []
        self.ratios: list[Ratio] = []
        self.excluded: list[Span] = []
        self.changed: list[int] = []

    def add(
        self,
        kind: str,
        ts: int,
        until: int | None,
        final: float | None,
        initial: float | None,
        factor: str | None,
    ) -> None:
        """Take one row; what a kind does not need is null."""
        end = ALWAYS if until is None else until
        if kind == "exchange" and final is not None and initial is not None:
            count = self.spec.count
            self.exchanges.append(Exchange(ts, count(final), count(initial)))
        elif kind == "ratio" and factor is not None:
            self.ratios.append(Ratio(ts, end, Fraction(factor)))
        elif kind == "exclude":
            self.excluded.append(Span(ts, end))
        elif kind == "changed":
            self.changed.append(ts)

    def events(self) -> Events:
        """Answer them."""
        return Events(self.exchanges, self.ratios, self.excluded, self.changed)
