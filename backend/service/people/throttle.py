"""Brakes on guessing passwords: so many tries for one login, and from one address, in a minute.

What protects a password is argon2id.
"""

from backend.core.brake import Brake

TRIES_PER_LOGIN = 8
TRIES_PER_ADDRESS = 40
CODE = "sign_in_too_often"


class SignInThrottle:
    """Counts tries to sign in and refuses those above the limits."""

    def __init__(
        self, per_login: int = TRIES_PER_LOGIN, per_address: int = TRIES_PER_ADDRESS
    ) -> None:
        """Take the tries a minute."""
        self._logins = Brake(per_login, CODE)
        self._addresses = Brake(per_address, CODE)

    async def count(self, login: str, address: str) -> None:
        """Count one try; TooMuch with `retry_after_s` when the login or the address had enough."""
        await self._addresses.count(address)
        await self._logins.count(login)

    async def forgive(self, login: str) -> None:
        """Forget the tries of a login that has signed in."""
        await self._logins.forgive(login)
