"""Waiting for a bell, for a while."""

import asyncio
from contextlib import suppress


async def rung(bell: asyncio.Event, seconds: float) -> None:
    """Wait until the bell rings, so many seconds at most.

    A cancellation that comes together with the bell is heard, which `asyncio.wait_for` of Python
    3.11 swallows: a loop around it would go on for ever.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
