"""Local alarm rules: a limit with delay and hysteresis, judged at the site with or without a link.

A pure state machine over samples in the order of their time. An alarm is normal, active until
somebody takes it, or taken; it returns to normal when the value was back beyond the hysteresis for
the off-delay. A missing value decides nothing.
"""

from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """Where an alarm stands; the number is the value of its point on the wire."""

    NORMAL = 0
    ACTIVE = 1
    TAKEN = 2


@dataclass(frozen=True, slots=True)
class Input:
    """A point whose value says that somebody at the site acknowledges; "" = the rule's device."""

    device: str
    point: str
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One alarm of one device's point; limits and hysteresis in the point's unit."""

    name: str
    point: str
    above: float | None = None
    below: float | None = None
    hysteresis: float = 0.0
    delay_s: float = 0.0
    off_delay_s: float = 0.0
    output: str = ""
    """The output that is on while this alarm is active."""
    acknowledge: Input | None = None

    def exceeds(self, value: float) -> bool:
        """Whether a value is beyond a limit."""
        over = self.above is not None and value > self.above
        return over or (self.below is not None and value < self.below)

    def is_well(self, value: float) -> bool:
        """Whether a value is back by more than the hysteresis."""
        low = self.above is None or value <= self.above - self.hysteresis
        return low and (self.below is None or value >= self.below + self.hysteresis)


@dataclass(slots=True)
class Watch:
    """One rule's present state; times are milliseconds of the samples."""

    rule: Rule
    state: State = State.NORMAL
    since_ms: int | None = None
    """Since when the value points to the other state; None = it does not."""

    def see(self, value: float | None, at_ms: int) -> bool:
        """Take a sample; True when the state changed."""
        if value is None:
            return False
        raised = self.state is not State.NORMAL
        turning = self.rule.is_well(value) if raised else self.rule.exceeds(value)
        if not turning:
            self.since_ms = None
            return False
        if self.since_ms is None:
            self.since_ms = at_ms
        delay_s = self.rule.off_delay_s if raised else self.rule.delay_s
        if at_ms - self.since_ms < delay_s * 1000:
            return False
        self.state = State.NORMAL if raised else State.ACTIVE
        self.since_ms = None
        return True

    def take(self) -> bool:
        """Somebody acknowledges; True when there was something to take."""
        if self.state is not State.ACTIVE:
            return False
        self.state = State.TAKEN
        return True
