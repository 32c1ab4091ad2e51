"""The order of an edge node's messages by `seq`: what is late, and what never came.

Readings carry their own times, so nothing waits for a message that is late; what never comes within
the reorder time-out costs a node without a journal a rebirth (Sparkplug 3.0, 5.9).
"""

from dataclasses import dataclass, field

NUMBERS = 256
LATE = 128
"""A number that far behind is no longer waited for: it is about to be one of the next round."""


@dataclass(slots=True)
class Order:
    """Sequence numbers 0..255 of one node since its birth, or since it was taken over."""

    last: int | None = None
    gaps: int = 0
    """Holes seen over the node's life."""
    missing: set[int] = field(default_factory=set)
    """Numbers that were passed over and have not come since."""

    def begin(self, seq: int | None) -> None:
        """A birth: the order starts at its number."""
        self.last = _number(seq)
        self.missing.clear()

    def see(self, seq: int | None) -> bool:
        """Take the number of a message; True when it shows that messages before it are missing.

        No number, or one that cannot be, says nothing about the order.
        """
        number = _number(seq)
        if number is None:
            return False
        if self.last is None:
            self.last = number
            return False
        if number in self.missing:
            self.missing.remove(number)
            return False
        hole = (number - self.last - 1) % NUMBERS
        self.missing.update((self.last + step) % NUMBERS for step in range(1, hole + 1))
        self.missing = {one for one in self.missing if (number - one) % NUMBERS < LATE}
        self.last = number
        self.gaps += hole > 0
        return hole > 0

    def give_up(self) -> bool:
        """The reorder time-out is over: tell whether something is missing still, and forget it."""
        lost = bool(self.missing)
        self.missing.clear()
        return lost


def _number(seq: int | None) -> int | None:
    return seq if seq is not None and 0 <= seq < NUMBERS else None
