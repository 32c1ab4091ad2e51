"""The audit: who did what, when, with what result; appended only, each entry chained to the last.

No role that serves people may change or delete an entry, and an entry's hash covers its own words
and the hash before it, so that whoever can (a superuser) leaves a break that `broken` finds. What
is old stands in files (`backend/service/audit/moving.py`); `moved_months` says which entries.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from backend.core.db import ReadSession, WriteSession

LOCK = 0x6B77_0003
"""Class of the advisory lock "audit of this project": entries of a project are written in turn."""
BATCH = 1000

_NEWEST = "SELECT number, hash FROM audit WHERE project_id = %s ORDER BY number DESC LIMIT 1"
_INSERT = """
INSERT INTO audit (project_id, number, at, person_id, actor, action, ref, old, new, result, hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SELECT = """
SELECT number, at, person_id, actor, action, ref, old, new, result, hash FROM audit
WHERE project_id = %s AND number > %s ORDER BY number LIMIT %s
"""
_MOVED = """
SELECT month, first_number, last_number, before_hash, head_hash, sha256, bytes, moved_at
FROM audit_file WHERE project_id = %s ORDER BY last_number
"""
_LATEST = """
SELECT number, at, person_id, actor, action, ref, old, new, result, hash FROM audit
WHERE project_id = %(project)s AND (%(before)s::bigint IS NULL OR number < %(before)s)
  AND (%(person)s::bigint IS NULL OR person_id = %(person)s)
  AND (%(ref)s::text IS NULL OR ref = %(ref)s)
  AND (%(action)s::text IS NULL OR starts_with(action, %(action)s))
  AND (%(start)s::timestamptz IS NULL OR at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR at < %(end)s)
ORDER BY number DESC LIMIT %(first)s
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which entries are asked for: what is None is not asked about."""

    before: int | None = None
    """Numbers below it."""
    person_id: int | None = None
    ref: str | None = None
    action: str | None = None
    """How the action begins."""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be written down; `old` and `new` are what it was about, before and after."""

    actor: str
    """`per_...`, or what else acted: a node that was told by a plain Sparkplug command."""
    action: str
    ref: str
    result: str
    person_id: int | None = None
    old: Mapping[str, object] | None = None
    new: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the audit; `old` and `new` are JSON."""

    number: int
    at: datetime
    person_id: int | None
    actor: str
    action: str
    ref: str
    old: str | None
    new: str | None
    result: str
    hash: bytes

    def hash_after(self, before: bytes) -> bytes:
        """Answer the hash that this entry has to have, after an entry with the hash `before`."""
        return _hash(
            before,
            (
                self.number,
                self.at,
                self.person_id,
                self.actor,
                self.action,
                self.ref,
                self.old,
                self.new,
                self.result,
            ),
        )


@dataclass(frozen=True, slots=True)
class MovedMonth:
    """A month of the audit that stands in a file: which entries, `before_hash` is the hash of the
    entry before the first (empty at the beginning), `head_hash` that of the last.
    """

    month: str
    """`2024-05`, of UTC."""
    first_number: int
    last_number: int
    before_hash: bytes
    head_hash: bytes
    sha256: str
    bytes: int
    moved_at: datetime


async def record(tx: WriteSession, project_id: int, deed: Deed, now: datetime) -> None:
    """Append a deed in the transaction that does it. Call it late: others wait until it ends."""
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    newest = await tx.fetch_tuples(_NEWEST, (project_id,))
    number, before = (newest[0][0] + 1, newest[0][1]) if newest else (1, b"")
    words = (
        number,
        now,
        deed.person_id,
        deed.actor,
        deed.action,
        deed.ref,
        _text(deed.old),
        _text(deed.new),
        deed.result,
    )
    await tx.execute(_INSERT, (project_id, *words, _hash(before, words)))


async def moved_months(tx: ReadSession, project_id: int) -> list[MovedMonth]:
    """Answer what stands in files, the oldest first."""
    return await tx.fetch_all(_MOVED, (project_id,), into=MovedMonth)


async def broken(tx: ReadSession, project_id: int) -> int | None:
    """Answer the number of the first entry of the table that was tampered with; None when all are
    whole. What stands in files is looked through by `backend/service/audit/chain.py`.
    """
    moved = await moved_months(tx, project_id)
    number, before = (moved[-1].last_number, moved[-1].head_hash) if moved else (0, b"")
    while True:
        entries = await tx.fetch_all(_SELECT, (project_id, number, BATCH), into=Entry)
        for entry in entries:
            if entry.number != number + 1 or entry.hash != entry.hash_after(before):
                return number + 1
            number, before = entry.number, entry.hash
        if len(entries) < BATCH:
            return None


async def head(tx: ReadSession, project_id: int) -> tuple[int, bytes] | None:
    """Answer the number and the hash of the newest entry; None without any."""
    rows = await tx.fetch_tuples(_NEWEST, (project_id,))
    return (int(rows[0][0]), bytes(rows[0][1])) if rows else None


async def entries_after(tx: ReadSession, project_id: int, number: int, most: int) -> list[Entry]:
    """Answer the entries after a number in their order, at most so many."""
    return await tx.fetch_all(_SELECT, (project_id, number, most), into=Entry)


async def newest(tx: ReadSession, project_id: int, chosen: Chosen, first: int) -> list[Entry]:
    """Answer the entries chosen, newest first."""
    asked = {
        "project": project_id,
        "before": chosen.before,
        "person": chosen.person_id,
        "ref": chosen.ref,
        "action": chosen.action,
        "start": chosen.start,
        "end": chosen.end,
        "first": first,
    }
    return await tx.fetch_all(_LATEST, asked, into=Entry)


def _text(about: Mapping[str, object] | None) -> str | None:
    return None if about is None else msgspec.json.encode(about, order="sorted").decode()


def _hash(before: bytes, words: tuple[object, ...]) -> bytes:
    number, at, *rest = words
    # Microseconds in UTC, as the database keeps them.
    instant = at.astimezone(UTC).isoformat() if isinstance(at, datetime) else at
    return hashlib.sha256(before + msgspec.json.encode((number, instant, *rest))).digest()
