"""Budgets that fill up within a minute, each for itself."""

import pytest

from backend.application import budgets
from backend.application.budgets import Budget
from backend.core.errors import TooMuch


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.now = 0.0

    def __call__(self) -> float:
        """Answer the seconds."""
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    """A clock that stands."""
    return Seconds()


def test_what_is_spent_comes_back_evenly(seconds: Seconds) -> None:
    budget = Budget("cost_of_caller", 600, seconds)
    assert budget.spend("a", 600).left == 0
    with pytest.raises(TooMuch) as refused:
        budget.spend("a", 25)
    assert refused.value.error_code == "cost_of_caller"
    assert refused.value.params == {"cost": 25, "limit": 600, "retryAfter": 3}
    seconds.now = 3.0
    assert budget.spend("a", 25).left == 5
    seconds.now = 3600.0
    assert budget.spend("a", 0).left == 600


def test_nobody_pays_for_another(seconds: Seconds) -> None:
    budget = Budget("cost_of_project", 600, seconds)
    budget.spend(1, 600)
    assert budget.spend(2, 600).left == 0


def test_what_can_never_be_paid_is_said_to_be_so(seconds: Seconds) -> None:
    budget = Budget("cost_of_caller", 600, seconds)
    with pytest.raises(TooMuch) as refused:
        budget.spend("a", 601)
    assert refused.value.error_code == "cost_too_high"
    assert budget.spend("a", 600).left == 0


def test_frames_are_counted_and_leave_no_debt(seconds: Seconds) -> None:
    budget = Budget("cost_of_project", 600, seconds)
    budget.note(1, 5_000)
    with pytest.raises(TooMuch):
        budget.spend(1, 10)
    seconds.now = 1.0
    assert budget.spend(1, 10).left == 0


def test_buckets_that_are_full_again_are_forgotten(
    seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "SWEEP_FROM", 3)
    budget = Budget("cost_of_caller", 600, seconds)
    for whose in ("a", "b"):
        budget.spend(whose, 1)
    seconds.now = 59.0
    budget.spend("c", 600)
    seconds.now = 61.0
    budget.spend("d", 1)
    assert len(budget) == 2
    with pytest.raises(TooMuch):
        budget.spend("c", 600)
