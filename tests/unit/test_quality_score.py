"""The data quality score by its published formula, and stretches with their causes."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backend.service.quality.score import WEIGHTS, Aspect, Share, score, total
from backend.service.quality.stretches import (
    Cause,
    Gap,
    Place,
    Recorded,
    Stretch,
    stretches,
)

GOOD = {
    Aspect.COMPLETENESS: Share(86_400, 86_400),
    Aspect.TIMELINESS: Share(96, 96),
    Aspect.PLAUSIBLE: Share(96, 96),
    Aspect.CALIBRATION: Share(1, 1),
    Aspect.BALANCE: Share(2, 2),
}
SHARES = st.integers(0, 1000).flatmap(
    lambda whole: st.builds(Share, st.integers(0, whole), st.just(whole))
)


def test_the_weights_are_those_of_the_formula() -> None:
    assert [str(WEIGHTS[one]) for one in Aspect] == ["0.4", "0.2", "0.2", "0.1", "0.1"]
    assert sum(WEIGHTS.values()) == 1


def test_the_score_is_the_weighted_sum_of_its_shares() -> None:
    assert score(GOOD) == Decimal("100.0")
    assert score(GOOD | {Aspect.COMPLETENESS: Share(43_200, 86_400)}) == Decimal("80.0")
    assert score(GOOD | {Aspect.TIMELINESS: Share(24, 96)}) == Decimal("85.0")
    assert score(GOOD | {Aspect.PLAUSIBLE: Share(0, 96)}) == Decimal("80.0")
    assert score(GOOD | {Aspect.CALIBRATION: Share(0, 1)}) == Decimal("90.0")
    assert score(GOOD | {Aspect.BALANCE: Share(1, 2)}) == Decimal("95.0")


def test_what_cannot_be_told_is_left_out_and_the_rest_scaled_up() -> None:
    # (0.4 + 0.2 + 0.2 + 0.1 * 0) / 0.9
    without = GOOD | {Aspect.BALANCE: Share(0, 0), Aspect.CALIBRATION: Share(0, 1)}
    assert score(without) == Decimal("88.9")
    assert score(dict.fromkeys(Aspect, Share(0, 0))) is None


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(Aspect, SHARES)), max_size=4))
def test_a_node_counts_its_meters_together(parts: list[dict[Aspect, Share]]) -> None:
    both = total(parts)
    for aspect in Aspect:
        assert both[aspect].numerator == sum(part[aspect].numerator for part in parts)
        assert both[aspect].denominator == sum(part[aspect].denominator for part in parts)
    found = score(both)
    assert found is None or 0 <= found <= 100


M, E = Gap.MISSING, Gap.ESTIMATED
Rows = dict[int, list[Gap | None]]
TWO = {1: Place(10, 100), 2: Place(10, 100), 3: Place(30, 100)}


def test_neighbours_of_one_kind_are_one_stretch() -> None:
    rows: Rows = {1: [None, E, E, M, None, M], 2: [None] * 6, 3: [None] * 6}
    assert stretches(rows, TWO, [], [1]) == [
        Stretch(1, E, Cause.REGISTER, 1, 3),
        Stretch(1, M, Cause.REGISTER, 3, 4),
        Stretch(1, M, Cause.REGISTER, 5, 6),
    ]


def test_who_else_is_silent_is_the_cause() -> None:
    rows: Rows = {1: [M, M, M, None], 2: [M, M, None, None], 3: [M, None, None, M]}
    assert stretches(rows, TWO, [], [1, 3]) == [
        Stretch(1, M, Cause.GATEWAY, 0, 1),
        Stretch(3, M, Cause.GATEWAY, 0, 1),
        Stretch(1, M, Cause.DEVICE, 1, 2),
        Stretch(1, M, Cause.REGISTER, 2, 3),
        Stretch(3, M, Cause.DEVICE, 3, 4),
    ]


def test_a_gateway_with_one_device_is_told_by_its_device() -> None:
    assert stretches({1: [M]}, {1: Place(10, 100)}, [], [1]) == [Stretch(1, M, Cause.DEVICE, 0, 1)]


def test_what_is_recorded_goes_before_silence_and_the_first_cause_before_others() -> None:
    rows: Rows = {1: [M, Gap.SUSPECT, M], 2: [M, None, None], 3: [M, None, None]}
    recorded = [Recorded(1, Cause.CLOCK, 0, 3), Recorded(1, Cause.HELD, 1, 2)]
    assert stretches(rows, TWO, recorded, [1]) == [
        Stretch(1, M, Cause.CLOCK, 0, 1),
        Stretch(1, Gap.SUSPECT, Cause.HELD, 1, 2),
        Stretch(1, M, Cause.CLOCK, 2, 3),
    ]


def test_what_people_entered_or_planned_has_no_silence_to_explain() -> None:
    rows: Rows = {1: [Gap.MANUAL, Gap.PLANNED, Gap.SUBSTITUTED], 2: [M] * 3, 3: [M] * 3}
    assert [one.cause for one in stretches(rows, TWO, [], [1])] == [None, None, None]
    assert stretches({1: [M]}, {1: Place(None, None)}, [], [1])[0].cause is None
