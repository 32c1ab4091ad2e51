"""What months show, put together: properties over random courses of suspicions."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.service.balance.patterns import Month, Pattern, patterns
from backend.service.balance.suspects import Evidence, Fault, Suspicion

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
PART, OTHER = 7, 8


def suspicion(
    factor: float | None = 4 / 3, part: int | None = PART, quarters: int = 2880
) -> Suspicion:
    """A wrong ratio of a part; without a factor a missing meter."""
    fault = Fault.MISSING if factor is None else Fault.RATIO
    evidence = Evidence(factor, None if factor is None else 0.002, 0.9, quarters, 0.1)
    return Suspicion(fault, None if factor is None else part, evidence)


def months(*shown: Suspicion | None, untold: tuple[int, ...] = ()) -> list[Month]:
    """A month each; the part counts 300 of 1,000, and 100 are missing where something shows."""
    return [
        Month(
            FIRST + number * MONTH,
            FIRST + (number + 1) * MONTH,
            one,
            number not in untold,
            0 if one is None else 100,
            {None: 1000, PART: 300, OTHER: 600},
        )
        for number, one in enumerate(shown)
    ]


def spans(found: list[Pattern]) -> list[tuple[int, int]]:
    """Which months each pattern shows, from and up to."""
    return [((one.start - FIRST) // MONTH, (one.end - FIRST) // MONTH) for one in found]


def test_months_in_a_row_are_one_pattern_with_the_best_numbers() -> None:
    short, long = suspicion(1.34, quarters=300), suspicion(1.33, quarters=2880)
    [found] = patterns(months(None, short, long, short, None))
    assert spans([found]) == [(1, 4)]
    assert found.suspicion == long


def test_another_part_factor_or_a_sound_month_between_make_another_pattern() -> None:
    other = suspicion(part=OTHER)
    assert spans(patterns(months(suspicion(), other))) == [(1, 2), (0, 1)]
    assert spans(patterns(months(suspicion(2.0), suspicion(3.0)))) == [(1, 2), (0, 1)]
    assert spans(patterns(months(suspicion(), None, suspicion()))) == [(2, 3), (0, 1)]


def test_a_month_of_which_too_little_is_known_divides_nothing() -> None:
    assert spans(patterns(months(suspicion(), None, suspicion(), untold=(1,)))) == [(0, 3)]


def test_the_month_in_which_a_fault_began_is_no_missing_meter() -> None:
    begun = months(None, suspicion(None), suspicion(), suspicion(), suspicion(None), None)
    assert spans(patterns(begun)) == [(2, 4)]
    alone = months(suspicion(None), None, suspicion())
    assert spans(patterns(alone)) == [(2, 3), (0, 1)]


def test_more_than_the_factor_explains_is_a_missing_meter() -> None:
    """A third of 300, and a tenth of it, is what the ratio next to it may explain."""
    quiet, loud = months(suspicion(None), suspicion())
    for missing, found in ((109, [(1, 2)]), (111, [(1, 2), (0, 1)])):
        month = Month(quiet.start, quiet.end, quiet.suspicion, True, missing, quiet.counted)
        assert spans(patterns([month, loud])) == found


KINDS = {"-": None, "r": suspicion(), "s": suspicion(part=OTHER), "p": suspicion(3.0)}


@given(st.text("-rsp", max_size=14))
def test_patterns_are_the_runs_of_what_shows(course: str) -> None:
    """Each month that shows something lies in just one pattern, which shows the same all along."""
    found = patterns(months(*(KINDS[one] for one in course)))
    assert all(newer.start >= older.end for newer, older in pairwise(found))
    covered = ["-"] * len(course)
    for (first, end), one in zip(spans(found), found, strict=True):
        assert set(course[first:end]) == {course[first]}
        assert one.suspicion == KINDS[course[first]]
        covered[first:end] = course[first:end]
    assert "".join(covered) == course
