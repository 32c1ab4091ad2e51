"""What stations are asked, step by step, and of which moment their counters are."""

import pytest

from gateway.drivers.iec104.asdu import (
    COUNTER_INTERROGATION,
    GENERAL_INTERROGATION,
    Asdu,
    decode,
)
from gateway.drivers.iec104.questions import Answers, Questions

INSTANT_MS = 1_772_352_900_000
GENERAL, COUNTERS = GENERAL_INTERROGATION, COUNTER_INTERROGATION


def answer(type_: int, cause: int, qualifier: int, station: int = 7) -> Asdu:
    return decode(bytes((type_, 1, cause, 0, station, 0, 0, 0, 0, qualifier)))


def counter(cause: int = 37, station: int = 7) -> Asdu:
    return decode(bytes((15, 1, cause, 0, station, 0, 105, 0, 0, 1, 0, 0, 0, 0)))


TIMES = [
    # freeze, instant, cause, milliseconds after the instant, of the instant?
    (False, INSTANT_MS, 37, 0, True),
    (False, INSTANT_MS, 37, 1000, True),
    (False, INSTANT_MS, 37, 1001, False),
    (False, INSTANT_MS, 41, 300, True),
    (False, INSTANT_MS, 3, 300, False),
    (False, INSTANT_MS, 20, 300, False),
    (False, None, 37, 300, False),
    (True, INSTANT_MS, 37, 9000, True),
    (True, None, 37, 9000, False),
]


@pytest.mark.parametrize(("freeze", "instant_ms", "cause", "late_ms", "of_instant"), TIMES)
def test_counters_are_of_the_instant_they_were_asked_for_or_of_their_arrival(
    freeze: bool, instant_ms: int | None, cause: int, late_ms: int, of_instant: bool
) -> None:
    questions = Questions(freeze=freeze)
    questions.counters(7, instant_ms)
    received_ms = INSTANT_MS + late_ms
    expected = INSTANT_MS if of_instant else received_ms
    assert questions.time_of(counter(cause), received_ms) == expected
    assert questions.time_of(counter(cause, station=8), received_ms) == received_ms


def test_counters_after_the_end_of_their_interrogation_are_of_their_arrival() -> None:
    questions = Questions(freeze=False)
    questions.counters(7, INSTANT_MS)
    assert questions.answered(answer(COUNTERS, 10, 0x05)) == Answers(finished=True)
    assert questions.time_of(counter(), INSTANT_MS + 300) == INSTANT_MS + 300


def test_frozen_counters_are_read_once_the_freeze_is_confirmed() -> None:
    questions = Questions(freeze=True)
    assert questions.counters(7, INSTANT_MS)[-1] == 0x45
    confirmed = questions.answered(answer(COUNTERS, 7, 0x45))
    assert [command[-1] for command in confirmed.send] == [0x05]
    # The end of the freeze is not the end of the question.
    assert questions.answered(answer(COUNTERS, 10, 0x45)) == Answers()
    assert questions.answered(answer(COUNTERS, 7, 0x05)) == Answers()
    assert questions.time_of(counter(), INSTANT_MS + 5000) == INSTANT_MS
    assert questions.answered(answer(COUNTERS, 10, 0x05)) == Answers(finished=True)


def test_a_station_has_finished_when_nothing_is_open_any_more() -> None:
    questions = Questions(freeze=False)
    questions.everything(7)
    questions.counters(7, None)
    questions.everything(8)
    assert not questions.answered(answer(GENERAL, 10, 20)).finished
    assert questions.answered(answer(COUNTERS, 10, 0x05)).finished
    assert not questions.answered(answer(COUNTERS, 10, 0x05)).finished
    assert questions.unanswered() == ["station 8 did not finish its last general interrogation"]


REFUSALS = [
    (44, "station 7 refuses the counter interrogation: it does not know it"),
    (45, "station 7 refuses the counter interrogation: it does not know its cause"),
    (46, "station 7 refuses the counter interrogation: it does not know its common address"),
    (47, "station 7 refuses the counter interrogation: it does not know its object address"),
    (0x47, "station 7 refuses the counter interrogation: it answers negatively"),
]


@pytest.mark.parametrize(("cause", "sentence"), REFUSALS)
def test_a_refusal_is_a_sentence_and_ends_the_question(cause: int, sentence: str) -> None:
    questions = Questions(freeze=False)
    questions.counters(7, INSTANT_MS)
    assert questions.answered(answer(COUNTERS, cause, 0x05)) == Answers([], sentence, finished=True)
    assert questions.unanswered() == []
