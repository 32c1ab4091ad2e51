"""Steps of proving who somebody is: begun by us, answered by a browser, once, within minutes.

A step is a random token outside and a row inside; the row holds what the answer is held against (a
challenge, a verifier), sealed. Taking a step ends it, whatever the answer is worth, so that
nothing is answered twice; `look` leaves it, for answers that may be mistyped.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from psycopg.rows import DictRow

from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.errors import InvalidInput
from backend.core.seal import Seal
from backend.service.people.sessions import digest

LIFETIME: Final = timedelta(minutes=5)


class Kind(StrEnum):
    """What a step is of; the token of one kind is none of another."""

    ADD_PASSKEY = "add_passkey"
    PASSKEY = "passkey"
    SECOND_FACTOR = "second_factor"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is good: whose it is, where that is known, and what it holds."""

    person_id: int | None
    secret: bytes


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of this platform."""

    database: Database
    clock: Clock
    seal: Seal

    async def begin(self, kind: Kind, secret: bytes, person_id: int | None = None) -> str:
        """Begin a step and answer its token; steps that nobody answered in time are forgotten."""
        token, now = secrets.token_urlsafe(32), self.clock.now()
        hashed = digest(token)
        async with self.database.platform() as tx:
            await tx.execute("DELETE FROM sign_in_step WHERE expires_at <= %s", (now,))
            await tx.execute(
                "INSERT INTO sign_in_step (token_hash, kind, person_id, sealed, expires_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                (hashed, kind, person_id, self.seal.close(secret, hashed.hex()), now + LIFETIME),
            )
        return token

    async def take(self, kind: Kind, token: str) -> Step:
        """Answer a step and end it; InvalidInput `step_over` for none, an old or a used one."""
        hashed = digest(token)
        async with self.database.platform() as tx:
            row = await tx.fetch_one(
                "DELETE FROM sign_in_step WHERE token_hash = %s AND kind = %s AND expires_at > %s"
                " RETURNING person_id, sealed",
                (hashed, kind, self.clock.now()),
            )
        return self._opened(row, hashed)

    async def look(self, kind: Kind, token: str) -> Step:
        """Answer a step that goes on; InvalidInput `step_over` as `take`."""
        hashed = digest(token)
        async with self.database.platform_read() as tx:
            row = await tx.fetch_one(
                "SELECT person_id, sealed FROM sign_in_step"
                " WHERE token_hash = %s AND kind = %s AND expires_at > %s",
                (hashed, kind, self.clock.now()),
            )
        return self._opened(row, hashed)

    def _opened(self, row: DictRow | None, hashed: bytes) -> Step:
        if row is None:
            raise InvalidInput("step_over")
        return Step(row["person_id"], self.seal.open(row["sealed"], hashed.hex()))
