"""ISA-18.2 states of an alarm occurrence as a pure table of events (domain.md 6.1).

none ──raise──> UNACK ──ack──> ACKED ──clear──> NORM
                  │  └─clear─> RTNUN ──ack────> NORM
                  └<──raise──────┘
"""

from enum import StrEnum


class State(StrEnum):
    """Where an occurrence stands."""

    UNACK = "UNACK"
    ACKED = "ACKED"
    RTNUN = "RTNUN"
    NORM = "NORM"

    @property
    def open(self) -> bool:
        """Whether somebody still has something to do or to watch."""
        return self is not State.NORM

    @property
    def active(self) -> bool:
        """Whether the condition itself still holds."""
        return self in (State.UNACK, State.ACKED)

    @property
    def wants_ack(self) -> bool:
        """Whether nobody has taken it yet."""
        return self in (State.UNACK, State.RTNUN)


class Cause(StrEnum):
    """What moved an occurrence one step."""

    RAISE = "raise"
    ACK = "ack"
    CLEAR = "clear"
    SEVERITY = "severity"
    """The same occurrence became more urgent; the state stays."""


_TABLE: dict[tuple[State | None, Cause], State] = {
    (None, Cause.RAISE): State.UNACK,
    (State.UNACK, Cause.ACK): State.ACKED,
    (State.UNACK, Cause.CLEAR): State.RTNUN,
    (State.UNACK, Cause.SEVERITY): State.UNACK,
    (State.ACKED, Cause.CLEAR): State.NORM,
    (State.ACKED, Cause.SEVERITY): State.ACKED,
    (State.RTNUN, Cause.ACK): State.NORM,
    (State.RTNUN, Cause.RAISE): State.UNACK,
}


def after(state: State | None, cause: Cause) -> State | None:
    """The state that follows, or None where the event changes nothing."""
    return _TABLE.get((state, cause))
