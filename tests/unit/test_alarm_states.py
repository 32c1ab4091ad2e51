"""The ISA-18.2 table, every state by every event."""

import pytest

from backend.service.alarms.states import Cause, State, after

TABLE = {
    (None, Cause.RAISE): State.UNACK,
    (State.UNACK, Cause.ACK): State.ACKED,
    (State.UNACK, Cause.CLEAR): State.RTNUN,
    (State.UNACK, Cause.SEVERITY): State.UNACK,
    (State.ACKED, Cause.CLEAR): State.NORM,
    (State.ACKED, Cause.SEVERITY): State.ACKED,
    (State.RTNUN, Cause.ACK): State.NORM,
    (State.RTNUN, Cause.RAISE): State.UNACK,
}


@pytest.mark.parametrize("state", [None, *State])
@pytest.mark.parametrize("cause", list(Cause))
def test_every_state_by_every_event(state: State | None, cause: Cause) -> None:
    """What the table does not name changes nothing."""
    assert after(state, cause) is TABLE.get((state, cause))


def test_who_still_has_something_to_do() -> None:
    """Open, active and waiting for an acknowledgement, by state."""
    assert [state for state in State if state.open] == [State.UNACK, State.ACKED, State.RTNUN]
    assert [state for state in State if state.active] == [State.UNACK, State.ACKED]
    assert [state for state in State if state.wants_ack] == [State.UNACK, State.RTNUN]
