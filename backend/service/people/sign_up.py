"""Asking for an account online, where the operator lets strangers ask (KILOWISE_SIGN_UP=open).

Nothing is sent to a login, because the platform has no mail of its own: an operator decides who
comes in. Whatever login somebody asks for, the answer is the same, at the same cost: the request is
kept even when somebody has that login, and only the operator is told. So a login is not locked by
who asks for it first, either. What waits is bounded by network and in all, and goes by itself.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core.brake import Brake, network_of
from backend.core.clock import Clock
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Conflict, NotAllowed, NotFound, TooMuch
from backend.core.ids import encode_id, new_uuid
from backend.core.peers import Peers
from backend.service.people.asker import Asker
from backend.service.people.passwords import Passwords
from backend.service.projects.overview import require_operator

log = logging.getLogger(__name__)

A_MINUTE: Final = 3
"""Requests from one network."""
MOST_OF_NETWORK: Final = 5
MOST_WAITING: Final = 500
WAITS: Final = timedelta(days=14)
KEPT: Final = timedelta(days=30)
"""How long a decision is kept."""
HASHES: Final = 1
"""Hashes for strangers at a time, so that people who sign in keep the others."""
LONGEST_NOTE: Final = 200
_LOCK: Final = 0x6B77_0009
"""The advisory lock under which what waits is counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for an account with; all but the password is checked before."""

    login: str
    name: str
    password: str
    note: str
    locale: str


@dataclass(frozen=True, slots=True)
class SignUpRow:
    """Somebody who waits for an account; `taken`: somebody has the login."""

    uid: UUID
    login: str
    name: str
    note: str
    network: str
    asked_at: datetime
    taken: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    login: str
    name: str
    locale: str
    password_hash: str


_WAITING = (
    "SELECT s.uid, s.login, s.name, s.note, s.network, s.asked_at,"
    " EXISTS (SELECT 1 FROM person p WHERE p.login = s.login) AS taken"
    " FROM sign_up s WHERE s.state = 'waiting' AND s.asked_at > %s ORDER BY s.asked_at, s.uid"
)


class SignUps:
    """Strangers who ask, counted and braked in this process, kept in the database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        passwords: Passwords,
        *,
        opened: bool,
        peers: Peers | None = None,
    ) -> None:
        """Take `opened`: whether strangers may ask here."""
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._brake = Brake(A_MINUTE, "sign_up_too_often", peers)
        self._hashing = asyncio.Semaphore(HASHES)
        self.opened = opened

    async def ask(self, asked: Asked, address: str) -> None:
        """Keep that somebody asks; NotAllowed where nobody may, TooMuch for what is too many."""
        if not self.opened:
            raise NotAllowed("sign_up_closed")
        network = network_of(address)
        await self._brake.count(network)
        if self._hashing.locked():
            raise TooMuch("sign_in_busy", retry_after_s=5)
        async with self._hashing:
            hashed = await self._passwords.hash(asked.password)
        now = self._clock.now()
        async with self._database.platform() as tx:
            await purge(tx, now)
            await _allow(tx, network)
            await tx.execute(
                "INSERT INTO sign_up (uid, login, name, note, locale, network, password_hash,"
                " asked_at, state) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'waiting')",
                (
                    new_uuid(now),
                    asked.login,
                    asked.name,
                    asked.note.strip()[:LONGEST_NOTE],
                    asked.locale,
                    network,
                    hashed,
                    now,
                ),
            )
        log.info("An account was asked for, from %s", network)


async def list_waiting(tx: ReadSession, now: datetime) -> list[SignUpRow]:
    """Answer who waits, the oldest first."""
    return await tx.fetch_all(_WAITING, (now - WAITS,), into=SignUpRow)


async def approve(database: Database, uid: UUID | None, asker: Asker, now: datetime) -> None:
    """Let somebody in, as an operator; Conflict `login_taken`, and they wait on, for such a login.

    NotFound for who waits no more, NotAllowed for who is no operator.
    """
    async with database.platform() as tx:
        row = await _taken(tx, uid, asker, "approved", now)
        person = new_uuid(now)
        made = await tx.execute(
            "INSERT INTO person (uid, login, name, password_hash, locale, demo, created_at)"
            " VALUES (%s, %s, %s, %s, %s, false, %s) ON CONFLICT (login) DO NOTHING",
            (
                person,
                row.login,
                Jsonb({"en": row.name, "zh-CN": row.name}),
                row.password_hash,
                row.locale,
                now,
            ),
        )
        if not made:
            raise Conflict("login_taken")
    log.info("%s let %s in", asker.actor, encode_id("per", person))


async def refuse(database: Database, uid: UUID | None, asker: Asker, now: datetime) -> None:
    """Refuse somebody, as an operator; nothing is told to them."""
    async with database.platform() as tx:
        await _taken(tx, uid, asker, "refused", now)
    log.info("%s refused a request for an account", asker.actor)


async def purge(tx: WriteSession, now: datetime) -> None:
    """Forget requests that nobody decided on in time, and old decisions."""
    await tx.execute(
        "DELETE FROM sign_up WHERE (state = 'waiting' AND asked_at <= %s) OR decided_at <= %s",
        (now - WAITS, now - KEPT),
    )


async def _allow(tx: WriteSession, network: str) -> None:
    """Raise TooMuch when enough wait, in all or from this network."""
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    rows = await tx.fetch_tuples(
        "SELECT count(*), count(*) FILTER (WHERE network = %s) FROM sign_up"
        " WHERE state = 'waiting'",
        (network,),
    )
    waiting, here = rows[0]
    if here >= MOST_OF_NETWORK or waiting >= MOST_WAITING:
        raise TooMuch("sign_ups_most")


async def _taken(
    tx: WriteSession, uid: UUID | None, asker: Asker, state: str, now: datetime
) -> _Waiting:
    """Decide on a request as an operator, and answer it; its hash is kept no longer."""
    await require_operator(tx, asker.person_id)
    row = await tx.fetch_one(
        "SELECT login, name, locale, password_hash FROM sign_up"
        " WHERE uid = %s AND state = 'waiting' AND asked_at > %s FOR UPDATE",
        (uid, now - WAITS),
        into=_Waiting,
    )
    if row is None:
        raise NotFound(kind="sign_up")
    await tx.execute(
        "UPDATE sign_up SET state = %s, decided_by = %s, decided_at = %s, password_hash = NULL"
        " WHERE uid = %s",
        (state, asker.person_id, now, uid),
    )
    return row
