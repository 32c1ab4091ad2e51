"""A loop that waits for a bell ends when it is cancelled, whatever rings then."""

import asyncio

import pytest

from backend.core.waking import rung


async def until_cancelled(bell: asyncio.Event, rounds: list[int]) -> None:
    while True:
        await rung(bell, 60)
        bell.clear()
        rounds.append(len(rounds))


@pytest.mark.parametrize("steps", range(4))
async def test_a_cancellation_that_comes_with_the_bell_is_heard(steps: int) -> None:
    bell, rounds = asyncio.Event(), list[int]()
    task = asyncio.create_task(until_cancelled(bell, rounds))
    await asyncio.sleep(0.01)
    bell.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def test_it_wakes_by_the_bell_and_by_the_time() -> None:
    bell = asyncio.Event()
    await rung(bell, 0.01)
    assert not bell.is_set()
    bell.set()
    async with asyncio.timeout(5):
        await rung(bell, 60)
