"""Recomputing a stretch of a register's account without its whole history. Pure.

A pass that begins at a settled reading (accepted, nothing held) goes on exactly as the pass over
everything does, because its state there is that reading alone; and once it meets a later reading
that was settled before and is settled now, everything behind is as it was. The stored judgements
say which readings are settled: all but those inside an episode [ts, until). So a change to the
readings of [first, last] alters R only between the settled reading before `first` and the first
such meeting after `last`.

Chunks of a backlog may be taken in any order: what a chunk computes from neighbours that are still
waiting to be recomputed is overwritten when their turn comes, since that pass begins before them
and runs on until it meets settled ground. For that, stored judgements and accounts must always be
of one pass: where a pass judges anything before its restart otherwise than is stored, the restart
was no settled ground and an earlier one is taken.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from operator import itemgetter

from backend.aggregation.curve import QUARTER, Bucket, buckets
from backend.aggregation.events import Events, Sample
from backend.aggregation.registers import Judgement, RegisterSpec, Trace, judge, settled
from gateway.contract.quality import Quality


@dataclass(frozen=True, slots=True)
class Window:
    """What is loaded of one register to recompute it, all in time's order.

    `readings` begin at a settled reading (one that is not excluded) at or before the quarter hour
    of `restart`, else at the register's first; `complete` says that they reach the register's last.
    `restart` is the last settled reading before `first`, None without one. `known` are the
    judgements stored for the time after the first reading. Instants are microseconds.
    """

    first: int
    last: int
    restart: int | None
    readings: Sequence[Sample]
    events: Events
    known: Sequence[Judgement]
    complete: bool


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What replaces the stored quarter hours in [low, high) and judgements in (after, until].

    `until` None means all later ones; `after` None all earlier ones.
    """

    low: int
    high: int
    buckets: Sequence[Bucket]
    after: int | None
    until: int | None
    judgements: Sequence[Judgement]


def floor_quarter(instant: int) -> int:
    """Answer the quarter hour that an instant lies in."""
    return instant - instant % QUARTER


def ceil_quarter(instant: int) -> int:
    """Answer the first quarter hour's border at or after an instant."""
    return instant + -instant % QUARTER


class Missing(Enum):
    """What must be loaded before a window can be recomputed."""

    EARLIER = "a restart at the first reading of this window, and readings before it"
    LATER = "readings after the last of this window"


def recompute(window: Window, spec: RegisterSpec) -> Recomputed | Missing:
    """Answer what the window's stretch becomes, or what is missing to say so."""
    if window.events.excluded:
        window = replace(window, readings=window.events.kept(window.readings))
    trace = judge(window.readings, spec, window.events)
    if not _restarts(window, trace):
        return Missing.EARLIER
    stop = _meeting(window, trace)
    if stop is None and not window.complete:
        return Missing.LATER
    low = floor_quarter(_lowest(window))
    high = ceil_quarter(_highest(window) if stop is None else stop)
    bounds = trace.curve.bounds()
    if not window.complete and (bounds is None or bounds[1] < high):
        return Missing.LATER
    found = [
        one
        for one in trace.judgements
        if (window.restart is None or one.ts > window.restart) and (stop is None or one.ts <= stop)
    ]
    grid = range(low, high + 1, QUARTER)
    return Recomputed(low, high, buckets(trace.curve, grid), window.restart, stop, found)


def earlier(window: Window) -> int:
    """Answer the instant that the next restart must lie before, after Missing.EARLIER."""
    begin = window.readings[0][0]
    return begin + 1 if window.restart is None else min(begin + 1, window.restart)


def _restarts(window: Window, trace: Trace) -> bool:
    """Tell whether the pass agrees with what is stored up to the restart."""
    restart = window.restart
    if restart is None:
        return True
    place = bisect_right(window.readings, restart, key=itemgetter(0))
    if place == 0 or window.readings[place - 1][0] != restart:
        # It was excluded between the look for it and the look at the readings.
        return False
    after = window.readings[0][0]
    stored = {one.ts: one for one in window.known if after < one.ts <= restart}
    passed = {one.ts: one for one in trace.judgements if after < one.ts <= restart}
    return stored == passed and trace.settled(restart)


def _meeting(window: Window, trace: Trace) -> int | None:
    """Answer the first reading after the stretch that is settled in the old and the new pass."""
    readings = window.readings
    for n in range(bisect_right(readings, window.last, key=itemgetter(0)), len(readings)):
        ts, _, quality = readings[n]
        if quality < Quality.SUSPECT and settled(window.known, ts) and trace.settled(ts):
            return ts
    return None


def _lowest(window: Window) -> int:
    """Answer the earliest instant whose account can change."""
    if window.restart is not None:
        return window.restart
    return min(
        [
            window.first,
            *(r[0] for r in window.readings[:1]),
            *(e.ts for e in window.events.exchanges[:1]),
        ]
    )


def _highest(window: Window) -> int:
    """Answer the latest instant of which anything is or was known."""
    return max(
        [
            window.last,
            *(r[0] for r in window.readings[-1:]),
            *(e.ts for e in window.events.exchanges[-1:]),
        ]
    )
