"""When to read: a grid of instants anchored at every quarter hour of UTC.

Each quarter hour is an instant whatever the period, so registers are read exactly there and an
account never needs to interpolate over its own boundary. Instants are UTC milliseconds.
"""

QUARTER_MS = 900_000


def is_boundary(instant_ms: int) -> bool:
    """Whether an instant is a quarter hour of UTC."""
    return instant_ms % QUARTER_MS == 0


def next_instant(now_ms: int, period_ms: int) -> int:
    """The first instant of a period's grid after `now_ms`; periods beyond 15 min count as 15."""
    quarter = now_ms - now_ms % QUARTER_MS
    steps = (now_ms - quarter) // period_ms + 1
    return min(quarter + steps * period_ms, quarter + QUARTER_MS)


def following(last_ms: int, now_ms: int, period_ms: int) -> int:
    """The instant to read next after `last_ms`: late ones are skipped, a quarter hour never is."""
    due = next_instant(max(now_ms, last_ms), period_ms)
    boundary = now_ms - now_ms % QUARTER_MS
    if last_ms < boundary <= now_ms and now_ms - boundary < period_ms:
        return boundary
    return due


def on_grid(instant_ms: int, period_ms: int) -> bool:
    """Whether an instant belongs to a period's grid."""
    return (instant_ms % QUARTER_MS) % period_ms == 0
