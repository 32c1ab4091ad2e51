"""Passwords as argon2id hashes, computed in a small pool of threads of their own.

A hash takes about 64 MiB and some 50 ms of a core (RFC 9106, second recommended option), so at most
`THREADS` run at once and at most `WAITING` wait; beyond that the answer is TooMuch, not a queue.
"""

import asyncio
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.core.errors import InvalidInput, TooMuch

THREADS = 2
WAITING = 32
NICENESS = 10
"""By how much hashing stands back behind all other work of the machine."""
MIN_LENGTH = 12
"""Characters, several spaces counted as one (OWASP ASVS 4.0.3, 2.1.1)."""
MAX_LENGTH = 128

_SPACES = re.compile(" +")
_PIN = re.compile(r"[0-9]{6}", re.ASCII)
_GUESSED = ({0}, {1}, {9})
"""Steps between the digits of 777777, 234567 and 765432."""
_DECOY = (
    "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""Verified (in vain) when a login is unknown, so that both answers take the same time."""


@cache
def frequent_passwords() -> frozenset[str]:
    """Answer the passwords that leaks are full of, in lower case; read from the package once."""
    text = files("backend.service.people").joinpath("frequent_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _stand_back() -> None:
    """Let this thread and the lanes it starts have what of the cores nobody else wants (Linux).

    Two hashes are eight threads at work: at equal rank they would take most of two cores from the
    one that sends live values.
    """
    if sys.platform == "linux":
        now = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, max(now, NICENESS))


class Passwords:
    """Hashes and verifies passwords without holding up the event loop."""

    def __init__(self) -> None:
        """Start without threads; they come with the first password."""
        self._hasher = PasswordHasher()
        self._pool = ThreadPoolExecutor(THREADS, "argon2", _stand_back)
        self._under_way = 0

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Answer the hash to store; InvalidInput when it is too short, too long or too frequent."""
        if len(_SPACES.sub(" ", password)) < MIN_LENGTH:
            raise InvalidInput("password_too_short", least=MIN_LENGTH)
        if len(password) > MAX_LENGTH:
            raise InvalidInput("password_too_long", most=MAX_LENGTH)
        if password.casefold() in frequent_passwords():
            raise InvalidInput("password_frequent")
        return await self._hash(password)

    async def hash_pin(self, pin: str) -> str:
        """Answer the hash of a PIN; InvalidInput when it is not six digits that take guessing."""
        if _PIN.fullmatch(pin) is None:
            raise InvalidInput("pin_form")
        if {(int(two) - int(one)) % 10 for one, two in pairwise(pin)} in _GUESSED:
            raise InvalidInput("pin_guessed")
        return await self._hash(pin)

    async def _hash(self, password: str) -> str:
        self._enter()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._hasher.hash, password)
        finally:
            self._under_way -= 1

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password fits; without a stored hash it takes as long and says no."""
        if len(password) > MAX_LENGTH:
            return False
        self._enter()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._verify, stored, password)
        finally:
            self._under_way -= 1

    def _enter(self) -> None:
        if self._under_way >= THREADS + WAITING:
            raise TooMuch("sign_in_busy", retry_after_s=5)
        self._under_way += 1

    def _verify(self, stored: str | None, password: str) -> bool:
        try:
            self._hasher.verify(stored or _DECOY, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None
