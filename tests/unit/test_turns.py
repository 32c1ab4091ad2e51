"""Turns on a line: one at a time, urgent jobs first, none lost and none for ever."""

import asyncio
from contextlib import suppress

import pytest

from gateway.turns import MOST_URGENT, LineBusy, Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_urgent_jobs_go_before_the_poll_that_waited_longer() -> None:
    turns, order = Turns(), list[str]()
    await turns.take()

    async def use(name: str, *, urgent: bool) -> None:
        await (turns.take_urgent() if urgent else turns.take())
        order.append(name)
        await asyncio.sleep(0)
        turns.give()

    tasks = [asyncio.create_task(use("poll", urgent=False))]
    await settle()
    tasks += [asyncio.create_task(use(name, urgent=True)) for name in ("first", "second")]
    await settle()
    assert (order, turns.waiting) == ([], 2)
    turns.give()
    await asyncio.gather(*tasks)
    assert order == ["first", "second", "poll"]
    await turns.take()
    turns.give()


async def test_more_urgent_jobs_than_the_bound_are_refused() -> None:
    turns = Turns()
    await turns.take()
    tasks = [asyncio.create_task(turns.take_urgent()) for _ in range(MOST_URGENT)]
    await settle()
    with pytest.raises(LineBusy, match="16 jobs wait for this line already"):
        await turns.take_urgent()
    assert turns.waiting == MOST_URGENT
    for _ in range(MOST_URGENT + 1):
        turns.give()
    await asyncio.gather(*tasks)
    assert turns.waiting == 0


@pytest.mark.parametrize("urgent", [True, False])
@pytest.mark.parametrize("when", ["before its turn", "as its turn comes"])
async def test_who_gives_up_waiting_keeps_no_turn(urgent: bool, when: str) -> None:
    turns = Turns()
    await turns.take()
    waiting = asyncio.create_task(turns.take_urgent() if urgent else turns.take())
    await settle()
    if when == "as its turn comes":
        turns.give()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    if when == "before its turn":
        turns.give()
    assert turns.waiting == 0
    async with asyncio.timeout(60):
        await turns.take()
