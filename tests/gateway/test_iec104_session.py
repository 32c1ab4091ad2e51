"""Numbering, windows and timers of a connection, by moments that the test chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.drivers.iec104.apci import Frame, Function, IFrame, SFrame, Splitter, UFrame
from gateway.drivers.iec104.session import MOST_WAITING, Session, SessionFault, Timing

ASDU = bytes(10)


def begun(timing: Timing | None = None) -> Session:
    """A session whose STARTDT was confirmed at 0 s."""
    session = Session(timing or Timing(), 0.0)
    session.start(0.0)
    assert sent(session) == [UFrame(Function.STARTDT_ACT)]
    session.received(UFrame(Function.STARTDT_CON), 0.0)
    assert session.started
    return session


def sent(session: Session) -> list[Frame]:
    return list(Splitter().feed(session.take()))


def test_the_standard_proposes_these_windows_and_timers() -> None:
    timing = Timing()
    assert (timing.k, timing.w, timing.t1_s, timing.t2_s, timing.t3_s) == (12, 8, 15, 10, 20)


def test_the_eighth_frame_is_acknowledged_at_once() -> None:
    session = begun()
    for number in range(7):
        assert session.received(IFrame(number, 0, ASDU), 1.0) == ASDU
        assert sent(session) == []
    session.received(IFrame(7, 0, ASDU), 1.0)
    assert sent(session) == [SFrame(8)]


def test_fewer_frames_are_acknowledged_after_t2() -> None:
    session = begun()
    session.received(IFrame(0, 0, ASDU), 1.0)
    session.received(IFrame(1, 0, ASDU), 9.0)
    assert session.deadline() == 11.0
    session.tick(10.9)
    assert sent(session) == []
    session.tick(11.0)
    assert sent(session) == [SFrame(2)]
    assert session.deadline() == 29.0


def test_a_command_acknowledges_as_well() -> None:
    session = begun()
    session.received(IFrame(0, 0, ASDU), 1.0)
    session.send(ASDU, 2.0)
    assert sent(session) == [IFrame(0, 1, ASDU)]
    session.received(SFrame(1), 3.0)
    assert session.deadline() == 23.0


def test_the_window_k_holds_further_commands_back() -> None:
    session = begun(Timing(k=2))
    for _ in range(5):
        session.send(ASDU, 1.0)
    assert sent(session) == [IFrame(0, 0, ASDU), IFrame(1, 0, ASDU)]
    session.received(SFrame(1), 2.0)
    assert sent(session) == [IFrame(2, 0, ASDU)]
    session.received(IFrame(0, 3, ASDU), 3.0)
    assert sent(session) == [IFrame(3, 1, ASDU), IFrame(4, 1, ASDU)]


def test_too_many_waiting_commands_lose_the_oldest() -> None:
    session = begun(Timing(k=1))
    commands = [number.to_bytes(10, "big") for number in range(MOST_WAITING + 3)]
    for command in commands:
        session.send(command, 1.0)
    found = [sent(session)]
    for number in range(MOST_WAITING):
        session.received(SFrame(number + 1), 1.0)
        found.append(sent(session))
    asked = [frame.asdu for frames in found for frame in frames if isinstance(frame, IFrame)]
    assert asked == [commands[0], *commands[3:]]


def test_silence_of_t3_is_tested_and_silence_of_t1_after_it_closes() -> None:
    session = begun()
    assert session.deadline() == 20.0
    session.tick(20.0)
    assert sent(session) == [UFrame(Function.TESTFR_ACT)]
    assert session.deadline() == 35.0
    session.tick(34.9)
    assert sent(session) == []
    with pytest.raises(SessionFault, match=r"no TESTFR_CON within 15 s \(t1\)"):
        session.tick(35.0)


def test_an_answered_test_goes_on() -> None:
    session = begun()
    session.tick(20.0)
    session.received(UFrame(Function.TESTFR_CON), 21.0)
    assert session.deadline() == 41.0
    session.tick(35.0)


def test_a_test_of_the_station_is_answered() -> None:
    session = begun()
    session.received(UFrame(Function.TESTFR_ACT), 5.0)
    assert sent(session) == [UFrame(Function.TESTFR_CON)]


def test_a_command_without_acknowledgement_closes_after_t1() -> None:
    session = begun()
    session.send(ASDU, 1.0)
    session.send(ASDU, 4.0)
    session.received(SFrame(1), 5.0)
    assert session.deadline() == 19.0
    session.tick(18.9)
    with pytest.raises(SessionFault, match=r"no acknowledgement within 15 s \(t1\)"):
        session.tick(19.0)


def test_a_start_without_confirmation_closes_after_t1() -> None:
    session = Session(Timing(t1_s=1.5), 0.0)
    session.start(0.0)
    with pytest.raises(SessionFault, match=r"no STARTDT_CON within 1.5 s \(t1\)"):
        session.tick(1.5)


@pytest.mark.parametrize("number", [0, 2, 32767])
def test_a_lost_or_doubled_frame_closes(number: int) -> None:
    session = begun()
    session.received(IFrame(0, 0, ASDU), 1.0)
    with pytest.raises(SessionFault, match=rf"frame {number} came where 1 was due"):
        session.received(IFrame(number, 0, ASDU), 1.0)


@pytest.mark.parametrize("number", [3, 32767])
def test_an_acknowledgement_of_what_was_never_sent_closes(number: int) -> None:
    session = begun()
    session.send(ASDU, 1.0)
    session.send(ASDU, 1.0)
    with pytest.raises(SessionFault, match="but frames 0 to 2 are on the way"):
        session.received(SFrame(number), 1.0)


@pytest.mark.parametrize(
    "function",
    [
        Function.STARTDT_ACT,
        Function.STARTDT_CON,
        Function.STOPDT_ACT,
        Function.STOPDT_CON,
    ],
)
def test_functions_that_nobody_asked_for_close(function: Function) -> None:
    session = begun()
    with pytest.raises(SessionFault, match=rf"sends {function.name}, which nobody asked for"):
        session.received(UFrame(function), 1.0)


def test_data_before_the_start_is_confirmed_closes() -> None:
    session = Session(Timing(), 0.0)
    session.start(0.0)
    with pytest.raises(SessionFault, match="before it confirmed STARTDT"):
        session.received(IFrame(0, 0, ASDU), 0.1)


@given(w=st.integers(1, 100))
def test_no_more_than_w_frames_wait(w: int) -> None:
    session = begun(Timing(w=w))
    acknowledged = [frame for index in range(300) for frame in received(session, index)]
    assert acknowledged == [SFrame(number) for number in range(w, 301, w)]


def test_numbers_wrap_after_32767() -> None:
    session = begun()
    acknowledged = [frame for index in range(32_776) for frame in received(session, index)]
    assert acknowledged[-2:] == [SFrame(0), SFrame(8)]


def received(session: Session, index: int) -> list[Frame]:
    session.received(IFrame(index % 32768, 0, ASDU), 1.0)
    return sent(session)
