"""Hashing passwords: how it ranks among the threads of its process."""

import os
from pathlib import Path

from backend.service.people.passwords import NICENESS, Passwords


def threads() -> set[int]:
    """The threads of this process (Linux)."""
    return {int(one.name) for one in Path("/proc/self/task").iterdir()}


async def test_hashing_stands_back_behind_what_people_watch() -> None:
    before, mine = threads(), os.getpriority(os.PRIO_PROCESS, 0)
    passwords = Passwords()
    try:
        stored = await passwords.hash("four words apart here")
        hashing = {os.getpriority(os.PRIO_PROCESS, one) for one in threads() - before}
        assert await passwords.verify(stored, "four words apart here")
    finally:
        passwords.close()
    assert hashing == {max(mine, NICENESS)}
    assert os.getpriority(os.PRIO_PROCESS, 0) == mine
