"""When a line has time to spare for what may wait: a look at a device that may be dead, a clock.

Such a thing is done where nobody healthy is due within the time that it took last, else so rarely
that it takes at most a twentieth of the line.
"""

from dataclasses import dataclass

SHARE = 20


@dataclass(slots=True)
class SpareTime:
    """What one sort of such things costs, and when one of them ended last (monotonic seconds)."""

    cost_s: float = 0.0
    ended: float = 0.0

    def has_room(self, now: float, next_due: float | None) -> bool:
        """Whether one may begin now; `next_due` = when somebody healthy is due, None = nobody."""
        if next_due is None or next_due - now > self.cost_s:
            return True
        return now - self.ended > SHARE * self.cost_s
