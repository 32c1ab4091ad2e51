"""Clocks agree between processes and move in tests only when told."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.clock import (
    AcceleratedClock,
    ClockTextError,
    ManualClock,
    SystemClock,
    parse_clock,
    resolve_clock,
)

START = datetime(2026, 3, 1, tzinfo=UTC)


async def test_a_sleeper_wakes_at_its_own_moment() -> None:
    clock = ManualClock(START)
    woken: list[tuple[str, datetime]] = []

    async def sleeper(name: str, seconds: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(seconds)
            woken.append((name, clock.now()))

    tasks = [
        asyncio.create_task(sleeper("slow", 25, 1)),
        asyncio.create_task(sleeper("fast", 10, 3)),
    ]
    await clock.advance(20)
    assert woken == [
        ("fast", START + timedelta(seconds=10)),
        ("fast", START + timedelta(seconds=20)),
    ]
    await clock.advance(10)
    assert woken[2:] == [
        ("slow", START + timedelta(seconds=25)),
        ("fast", START + timedelta(seconds=30)),
    ]
    assert clock.monotonic() == 30.0
    await asyncio.gather(*tasks)


def test_two_processes_with_the_resolved_text_agree() -> None:
    text = resolve_clock("2026-03-01T08:00:00+08:00,60")
    first, second = parse_clock(text), parse_clock(text)
    assert isinstance(first, AcceleratedClock)
    assert first == second
    assert first.start == START
    assert resolve_clock(text) == text


def test_the_anchor_and_the_rate_count() -> None:
    clock = AcceleratedClock(START, 60.0, 0.0)
    early = clock.now()
    later = clock.now()
    assert early > datetime(3000, 1, 1, tzinfo=UTC)
    assert later >= early


def test_without_a_text_the_system_clock_is_used() -> None:
    assert isinstance(parse_clock(None), SystemClock)
    assert resolve_clock("") is None
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-03-01T00:00:00+08:00", "it has 1 parts instead of 2"),
        ("2026-03-01T00:00:00,60", "has no UTC offset"),
        ("2026-03-01T00:00:00+08:00,fast", "could not convert string to float"),
        ("2026-03-01T00:00:00+08:00,0", "the rate 0 is not between 0 and 100000"),
    ],
)
def test_a_wrong_text_says_what_to_write(text: str, told: str) -> None:
    with pytest.raises(ClockTextError, match=told) as caught:
        parse_clock(text)
    assert "write <start>,<rate>" in str(caught.value)
