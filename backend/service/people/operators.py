"""Operators look after the platform: which projects there are, not what is in them.

The first person of an installation is one; `kilowise operator` makes and ends others.
"""

from backend.core.db import ReadSession
from backend.core.errors import OperatingError
from backend.core.platform import Platform


async def is_operator(tx: ReadSession, person_id: int) -> bool:
    """Tell whether somebody operates the platform."""
    known = await tx.fetch_tuples(
        "SELECT 1 FROM platform_operator WHERE person_id = %s", (person_id,)
    )
    return bool(known)


async def appoint(platform: Platform, login: str) -> str:
    """Make somebody an operator; answers what was done. OperatingError for an unknown login."""
    async with platform.database.platform() as tx:
        number = await _person(tx, login)
        await tx.execute(
            "INSERT INTO platform_operator (person_id, since) VALUES (%s, %s)"
            " ON CONFLICT (person_id) DO NOTHING",
            (number, platform.clock.now()),
        )
    return f"{login} operates the platform."


async def dismiss(platform: Platform, login: str) -> str:
    """End that; answers what was done. OperatingError for an unknown login."""
    async with platform.database.platform() as tx:
        number = await _person(tx, login)
        await tx.execute("DELETE FROM platform_operator WHERE person_id = %s", (number,))
    return f"{login} operates the platform no more."


async def _person(tx: ReadSession, login: str) -> int:
    number = await tx.fetch_value(
        "SELECT id FROM person WHERE login = %s", (login.strip().casefold(),), into=int
    )
    if number is None:
        raise OperatingError(f"Nobody signs in as {login}; name a login that exists.")
    return number
