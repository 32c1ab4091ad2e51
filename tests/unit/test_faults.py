"""What `make faults` judges by: the comparison finds every kind of loss, the seed decides all."""

import random

import pytest

from tests.faults import __main__ as faults
from tests.faults.balance import Balance, judge
from tests.faults.campaign import DAY_S, KILLS, Leg, What, legs, schedule
from tests.faults.ledger import Fact

QUARTER_MS = 900_000


def fact(ts_ms: int, value: float = 1.0, point: str = "p") -> Fact:
    """A good sample of the meter m1."""
    return Fact("m1", point, ts_ms, value, 0)


SET = [fact(1), fact(2), fact(3)]
LAST = {("m1", "p"): 3}


def test_equal_sets_hold() -> None:
    assert judge(SET, SET, LAST) == Balance(3, (), (), ())
    assert judge(SET, SET, LAST).holds


@pytest.mark.parametrize(
    ("committed", "found", "last", "wrong"),
    [
        (SET, SET[:2], LAST, Balance(3, (fact(3),), (), ())),
        (SET, [*SET, fact(3)], LAST, Balance(3, (), (fact(3),), ())),
        ([*SET, fact(3)], SET, LAST, Balance(3, (), (fact(3),), ())),
        (SET, [*SET, fact(7)], LAST, Balance(3, (), (fact(7),), ())),
        (SET, [fact(1), fact(2), fact(3, 9.0)], LAST, Balance(3, (fact(3),), (fact(3, 9.0),), ())),
        ([fact(2), fact(1), fact(3)], SET, LAST, Balance(3, (), (), (("m1", "p"),))),
        (SET, SET, {("m1", "p"): 2}, Balance(3, (), (), (("m1", "p"),))),
        (SET, SET, {}, Balance(3, (), (), (("m1", "p"),))),
    ],
    ids=[
        "lost",
        "stored twice",
        "journaled twice",
        "stored but never journaled",
        "another value",
        "journaled out of order",
        "an old value came last",
        "no last value",
    ],
)
def test_every_wrong_is_found(
    committed: list[Fact], found: list[Fact], last: dict[tuple[str, str], int], wrong: Balance
) -> None:
    told = judge(committed, found, last)
    assert told == wrong
    assert not told.holds


def test_only_the_import_may_add_quarter_hours() -> None:
    extra = fact(QUARTER_MS)
    assert judge(SET, [*SET, extra], LAST, history_ms=QUARTER_MS).holds
    assert judge(SET, [*SET, extra], LAST, history_ms=QUARTER_MS - 1).doubled == (extra,)


def test_a_seed_decides_everything_and_every_kind_comes_in_each_round() -> None:
    first, second = legs(7, 100)
    assert [first, second] == legs(7, 100)
    assert legs(8, 100) != legs(7, 100)
    assert (len(first.faults), len(second.faults)) == (60, 40)
    for leg in (first, second):
        for begin in range(0, len(leg.faults), len(What)):
            assert {fault.what for fault in leg.faults[begin : begin + len(What)]} == set(What)
    cuts = [fault.cut_s for fault in second.faults if fault.what is What.CUT]
    assert cuts[0] == max(cuts) == DAY_S
    assert min(fault.cut_s for fault in first.faults if fault.what is What.CUT) >= 1


def test_without_cuts_there_are_only_kills() -> None:
    assert {fault.what for fault in schedule(random.Random(1), 8, cuts=None)} == set(KILLS)


@pytest.mark.parametrize(
    ("found", "line", "code"),
    [
        (Balance(9, (), (), ()), "3 faults, 0 lost, 0 duplicated", 0),
        (Balance(9, (fact(1),), (), ()), "3 faults, 2 lost, 0 duplicated", 1),
        (Balance(9, (), (fact(1),), ()), "3 faults, 0 lost, 2 duplicated", 1),
        (
            Balance(9, (), (), (("m1", "p"),)),
            "3 faults, 0 lost, 0 duplicated, 2 points out of order",
            1,
        ),
        (None, "3 faults, 0 lost, 0 duplicated, not recovered", 1),
    ],
)
def test_the_last_line_and_the_exit_code(
    found: Balance | None,
    line: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run_leg(_folder: object, _leg: Leg, _say: object) -> Balance:
        assert found is not None, "values do not go on"
        return found

    monkeypatch.setattr(faults, "run_leg", run_leg)
    assert faults.main(["--faults", "3", "--seed", "1"]) == code
    assert capsys.readouterr().out.splitlines()[-1] == line
