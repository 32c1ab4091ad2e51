"""Requests that act once however often they are sent: what the first was answered, for a day.

As the IETF draft "The Idempotency-Key HTTP Header Field" has it. The answer is kept in the
transaction of what the request did: either both are there or neither is, whenever a process dies.
Whoever repeats a request while the first is under way finds its lock.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg.types.json import Jsonb

from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, TooMuch
from backend.core.seal import Seal

KEPT: Final = timedelta(hours=24)
MOST: Final = 2_000
"""Answers kept of one person in a project, so that nobody fills it or is kept out by others."""
MOST_BYTES: Final = 20_000_000
LOCK: Final = 0x6B77_0028
"""Class of the advisory lock "this key of this caller"."""
RETRY_S: Final = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with a key: by whom in which project, and the SHA-256 of all it asks.

    `credential` is empty for a person, else the key or post that they ask by; each has keys of its
    own.
    """

    project_id: int
    person_id: int
    credential: str
    key: str
    digest: bytes

    @property
    def about(self) -> dict[str, object]:
        """Answer what its row is found by, and what is locked."""
        return {
            "project": self.project_id,
            "person": self.person_id,
            "credential": self.credential,
            "key": self.key,
            "lock": int.from_bytes(self._hashed[:4], signed=True),
        }

    @property
    def row(self) -> str:
        """Answer the name of its row, for the seal."""
        return f"answered_request {self._hashed.hex()}"

    @property
    def _hashed(self) -> bytes:
        named = f"{self.project_id} {self.person_id} {self.credential} {self.key}"
        return hashlib.sha256(named.encode()).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    digest: bytes
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Held:
    answers: int
    bytes: int


_FIND: Final = """
SELECT digest, status, headers, body FROM answered_request
WHERE project_id = %(project)s AND person_id = %(person)s AND credential = %(credential)s
  AND key = %(key)s AND at > %(since)s
"""
_HELD: Final = """
SELECT count(*) AS answers, coalesce(sum(octet_length(body)), 0)::bigint AS bytes
FROM answered_request
WHERE project_id = %(project)s AND person_id = %(person)s AND at > %(since)s
"""
_KEEP: Final = """
INSERT INTO answered_request (project_id, person_id, credential, key, digest, status, headers,
                              body, at)
VALUES (%(project)s, %(person)s, %(credential)s, %(key)s, %(digest)s, %(status)s, %(headers)s,
        %(body)s, %(now)s)
ON CONFLICT (project_id, person_id, credential, key) DO UPDATE
SET digest = excluded.digest, status = excluded.status, headers = excluded.headers,
    body = excluded.body, at = excluded.at
"""


async def begin(tx: WriteSession, asked: Asked, seal: Seal, now: datetime) -> Answer | None:
    """Answer what the request was answered before; None when it is the first, and has to act.

    Whoever sends it again meets Conflict until this transaction ends. Raises InvalidInput for a
    key of another request, TooMuch when no more answers of this person can be kept.
    """
    about = {**asked.about, "since": now - KEPT, "class": LOCK}
    locked = "SELECT pg_try_advisory_xact_lock(%(class)s, %(lock)s)"
    if not await tx.fetch_value(locked, about, into=bool):
        raise Conflict("idempotency_running", retry_after_s=RETRY_S)
    found = await tx.fetch_one(_FIND, about, into=_Row)
    if found is None:
        await _look_for_room(tx, about)
        return None
    if found.digest != asked.digest:
        raise InvalidInput("idempotency_other", key=asked.key)
    return Answer(found.status, found.headers, seal.open(found.body, asked.row))


async def keep(tx: WriteSession, asked: Asked, answer: Answer, seal: Seal, now: datetime) -> None:
    """Keep what the request is answered, to be answered again for `KEPT`."""
    await tx.execute(
        _KEEP,
        {
            **asked.about,
            "digest": asked.digest,
            "status": answer.status,
            "headers": Jsonb(answer.headers),
            "body": seal.close(answer.body, asked.row),
            "now": now,
        },
    )


async def forget(tx: WriteSession, project_id: int, now: datetime) -> int:
    """Delete what is older than `KEPT`; how many there were."""
    return await tx.execute(
        "DELETE FROM answered_request WHERE project_id = %s AND at <= %s", (project_id, now - KEPT)
    )


async def _look_for_room(tx: ReadSession, about: dict[str, object]) -> None:
    held = await tx.fetch_one(_HELD, about, into=_Held)
    if held is not None and (held.answers >= MOST or held.bytes >= MOST_BYTES):
        raise TooMuch("idempotency_many", most=MOST)
