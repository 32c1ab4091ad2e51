"""When an output (a stack light, a siren's relay) is on: pure decisions over causes and time.

An output is on while a cause is active that nobody has taken and that has not sounded longer than
the output's time-out. It knows nothing of before a restart: alarms are judged anew then.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from gateway.rules import Input, State


@dataclass(frozen=True, slots=True)
class Output:
    """A point that shows alarms at the site; `on` and `off` in its unit."""

    name: str
    device: str
    point: str
    on: float = 1.0
    off: float = 0.0
    timeout_s: float = 0.0
    """How long a cause may sound; 0 = until it is taken or over."""


@dataclass(frozen=True, slots=True)
class PlatformLost:
    """Which output says that the platform has not been in reach for so long."""

    after_s: float
    output: str
    acknowledge: Input | None = None


@dataclass(slots=True)
class Sounding:
    """Since when each cause of one output has been active."""

    timeout_s: float
    since_s: dict[str, float] = field(default_factory=dict)

    def wanted(self, active: Collection[str], now_s: float) -> bool:
        """Whether the output is to be on, with these causes active."""
        self.since_s = {cause: self.since_s.get(cause, now_s) for cause in active}
        if not self.timeout_s:
            return bool(self.since_s)
        return any(now_s - since < self.timeout_s for since in self.since_s.values())


@dataclass(slots=True)
class LinkWatch:
    """Whether the platform is lost; seconds are of one monotonic clock."""

    after_s: float
    good_s: float
    """When it was in reach last, or when the watch began."""
    state: State = State.NORMAL

    def see(self, now_s: float, *, good: bool) -> None:
        """Take a look at the link."""
        if good:
            self.good_s = now_s
            self.state = State.NORMAL
        elif self.state is State.NORMAL and now_s - self.good_s >= self.after_s:
            self.state = State.ACTIVE

    def take(self) -> bool:
        """Somebody acknowledges; True when there was something to take."""
        if self.state is not State.ACTIVE:
            return False
        self.state = State.TAKEN
        return True


@dataclass(slots=True)
class Button:
    """An acknowledge input: pressed when its value becomes the one that means so.

    A contact that is found closed, or is held, acknowledges nothing that comes later.
    """

    pressed: float
    _last: float | None = None

    def see(self, value: float | None) -> bool:
        """Take a sample; True when it was pressed now."""
        if value is None:
            return False
        before, self._last = self._last, value
        return before is not None and before != self.pressed and value == self.pressed
