"""Since which day a meter has read wrong: exact where days are clean, robust where they are not."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from backend.service.balance.onset import Day, onset

FIRST = datetime(2026, 1, 1, 16, tzinfo=UTC)
KWH = 1_000_000


def days(
    seed: int, count: int, wrong: int, factor: float, share: float, swing: float = 0.3
) -> list[Day]:
    """A place that loses 1 to 3 %, and a part of it that reads wrong from day `wrong` on.

    On every seventh day next to nothing runs.
    """
    draw = Random(seed)
    lost = draw.uniform(0.01, 0.03)
    made = []
    for number in range(count):
        carried = draw.uniform(40_000, 60_000) * KWH * (0.1 if number % 7 == 6 else 1)
        flows = carried * share * draw.uniform(1 - swing, 1 + swing)
        counted = flows / factor if number >= wrong else flows
        missing = carried * lost * draw.uniform(0.9, 1.1) + flows - counted
        made.append(
            Day(FIRST + timedelta(days=number), round(counted), round(missing), round(carried))
        )
    return made


@pytest.mark.parametrize("factor", [4 / 3, 3 / 4, 2.0, 0.5])
def test_the_first_wrong_day_is_found_beside_losses(factor: float) -> None:
    for seed in range(20):
        made = days(seed, 120, wrong=80, factor=factor, share=0.1)
        assert onset(made, factor, made[116].start) == made[80].start, seed


def test_a_meter_that_was_always_wrong_is_wrong_from_the_first_day_on() -> None:
    """Also one that always has the same share, so that what is missing looks like a loss."""
    for seed in range(20):
        made = days(seed, 35, wrong=0, factor=4 / 3, share=0.1, swing=0.02)
        assert onset(made, 4 / 3, made[30].start) == made[0].start, seed


def test_it_begins_where_the_factor_was_seen_at_the_latest() -> None:
    made = days(1, 40, wrong=40, factor=4 / 3, share=0.2)
    found = onset(made, 4 / 3, made[30].start)
    assert found is not None
    assert found <= made[30].start
    assert onset(made, 4 / 3, FIRST - timedelta(days=1)) is None
    assert onset([], 4 / 3, FIRST) is None
    assert onset([Day(FIRST, 0, 0, 0)], 4 / 3, FIRST) is None
