"""Limits that several processes count together: no more goes through than one would let through."""

import asyncio

import pytest

from backend.application.budgets import Budget
from backend.core.brake import Brake
from backend.core.errors import TooMuch
from backend.core.peers import Peers


def alive(count: int) -> Peers:
    """So many processes."""
    peers = Peers()
    peers.count = count
    return peers


async def tries(brakes: list[Brake], who: str = "eve") -> int:
    """How many tries go through when each process is asked until it refuses."""
    let = 0
    for brake in brakes:
        while True:
            try:
                await brake.count(who)
            except TooMuch:
                break
            let += 1
    return let


@pytest.mark.parametrize(
    ("processes", "let"), [(1, 8), (2, 8), (3, 6), (4, 8), (8, 8), (9, 9), (20, 20)]
)
def test_tries_at_all_processes_are_those_at_one(processes: int, let: int) -> None:
    """Rounded down; beyond as many processes as tries each lets one through."""
    brakes = [Brake(8, "too_often", alive(processes)) for _ in range(processes)]
    assert asyncio.run(tries(brakes)) == let


async def test_a_newcomer_takes_its_share_of_what_was_counted_before() -> None:
    peers = alive(1)
    brake = Brake(8, "too_often", peers)
    for _ in range(5):
        await brake.count("eve")
    peers.count = 2
    await brake.count("eve")
    with pytest.raises(TooMuch):
        await brake.count("eve")
    await brake.forgive("eve")
    assert await tries([brake]) == 4


def spent(budget: Budget, cost: int) -> int:
    """How often a cost can be spent at once."""
    times = 0
    while True:
        try:
            budget.spend("demo", cost)
        except TooMuch:
            return times
        times += 1


@pytest.mark.parametrize(("processes", "times"), [(1, 10), (2, 10), (5, 10)])
def test_a_budget_is_spent_once(processes: int, times: int) -> None:
    now = [0.0]
    budgets = [Budget("cost", 1000, lambda: now[0], alive(processes)) for _ in range(processes)]
    assert sum(spent(one, 100) for one in budgets) == times
    now[0] = 6.0
    # A tenth of a minute has refilled a tenth of the budget: one more, of one process or shared.
    assert sum(spent(one, 100 // processes) for one in budgets) == processes


def test_what_is_dearer_than_a_share_waits_for_a_full_bucket_and_is_owed() -> None:
    now = [0.0]
    budget = Budget("cost", 1000, lambda: now[0], alive(4))
    assert budget.spend("demo", 800).left == 0
    with pytest.raises(TooMuch) as refused:
        budget.spend("demo", 1)
    # 3,200 were taken of 1,000: 2,204 s of a minute's 1,000 until four times 1 is there again.
    assert refused.value.params["retryAfter"] == 133
    budget.note("demo", 100)
    now[0] = 133.0
    assert budget.spend("demo", 1).limit == 1000
    with pytest.raises(TooMuch):
        budget.spend("demo", 1001)
