"""Brakes on guessing passwords: so many tries a minute, then waits that grow with every failure.

Both count a login together with the network it is tried from, so that whoever guesses elsewhere
locks nobody out. What protects a password is argon2id.
"""

from datetime import datetime, timedelta

from backend.core.brake import Brake, network_of
from backend.core.db import Database
from backend.core.errors import TooMuch
from backend.core.peers import Peers

TRIES_PER_LOGIN = 8
TRIES_PER_ADDRESS = 40
CODE = "sign_in_too_often"
FREE_FAILURES = 5
"""Failures in a row that cost no waiting."""
LONGEST_WAIT_S = 900
FORGOTTEN = timedelta(days=1)


def wait_s(failures: int) -> int:
    """Answer how long a login waits after so many failures in a row: twice as long each time."""
    beyond = failures - FREE_FAILURES
    return 0 if beyond < 0 else min(2**beyond, LONGEST_WAIT_S)


async def wait_out(database: Database, login: str, address: str, now: datetime) -> None:
    """Raise TooMuch with `retry_after_s` while the wait after failures from there lasts."""
    async with database.platform_read() as tx:
        row = await tx.fetch_one(
            "SELECT failures, last_at FROM sign_in_failure WHERE login = %s AND address = %s",
            (login, network_of(address)),
        )
    if row is None:
        return
    until: datetime = row["last_at"] + timedelta(seconds=wait_s(row["failures"]))
    if now < until:
        left = max(1, round((until - now).total_seconds()))
        raise TooMuch("sign_in_wait", retry_after_s=left)


async def note_failure(database: Database, login: str, address: str, now: datetime) -> None:
    """Keep that it failed, and forget what is a day old."""
    async with database.platform() as tx:
        await tx.execute(
            "INSERT INTO sign_in_failure AS f (login, address, failures, last_at)"
            " VALUES (%s, %s, 1, %s) ON CONFLICT (login, address) DO UPDATE"
            " SET failures = least(f.failures + 1, 1000), last_at = excluded.last_at",
            (login, network_of(address), now),
        )
        await tx.execute("DELETE FROM sign_in_failure WHERE last_at < %s", (now - FORGOTTEN,))


async def forget_failures(database: Database, login: str, address: str) -> None:
    """Forget the failures of a login that has signed in from there."""
    async with database.platform() as tx:
        await tx.execute(
            "DELETE FROM sign_in_failure WHERE login = %s AND address = %s",
            (login, network_of(address)),
        )


class SignInThrottle:
    """Counts tries to sign in and refuses those above the limits."""

    def __init__(
        self,
        per_login: int = TRIES_PER_LOGIN,
        per_address: int = TRIES_PER_ADDRESS,
        peers: Peers | None = None,
    ) -> None:
        """Take the tries a minute, of all processes that count together."""
        self._logins = Brake(per_login, CODE, peers)
        self._addresses = Brake(per_address, CODE, peers)

    async def count(self, login: str, address: str) -> None:
        """Count one try; TooMuch with `retry_after_s` when the login or the address had enough."""
        await self._addresses.count(network_of(address))
        await self._logins.count(f"{login} {network_of(address)}")

    async def count_from(self, address: str) -> None:
        """Count one try that names no login."""
        await self._addresses.count(network_of(address))

    async def forgive(self, login: str, address: str) -> None:
        """Forget the tries of a login that has signed in from there."""
        await self._logins.forgive(f"{login} {network_of(address)}")
