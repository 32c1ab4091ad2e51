"""The second factor: a one-time code of an app, asked for after the password.

Whoever has set one up gets no session by the password alone: the first step answers the token of a
second one, which ends by a code. Each code is good once: the step of time that was used last is
kept, and none up to it is taken again. Wrong codes make the person wait as wrong passwords do,
wherever they are entered, for who gets here knows the password already; passkeys are not held up.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.core.clock import Clock
from backend.core.db import Database, WriteSession
from backend.core.errors import Conflict, NotAllowed, NotFound, NotSignedIn
from backend.service.identity import recovery, totp
from backend.service.identity.personal import note
from backend.service.identity.steps import Kind, Steps
from backend.service.people import sessions
from backend.service.people.asker import Asker
from backend.service.people.sessions import Caller
from backend.service.people.throttle import (
    SignInThrottle,
    forget_failures,
    note_failure,
    wait_out,
)

ANYWHERE: Final = ""
"""The address that failures of a person are kept under."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether somebody has a second factor, and the recovery codes they have left."""

    held: bool
    codes_left: int
    asked: bool
    """Whether a role of theirs asks for one."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What an app is told once: the secret in base 32, and both in the link of a QR code."""

    spelled: str
    link: str


@dataclass(frozen=True, slots=True)
class _Row:
    sealed: bytes
    confirmed_at: datetime | None
    last_step: int


@dataclass(slots=True)
class SecondFactors:
    """Sets second factors up, asks for them, takes them away.

    `wall` is the real clock: apps know no other one.
    """

    database: Database
    clock: Clock
    wall: Clock
    steps: Steps
    throttle: SignInThrottle

    async def begin(self, caller: Caller) -> Secret:
        """Make a secret for who is signed in; it counts once a code of it was entered."""
        now = self.clock.now()
        caller.freshly(now)
        secret, person = totp.new_secret(), caller.person_id
        async with self.database.platform() as tx:
            made = await tx.execute(
                "INSERT INTO second_factor AS f (person_id, sealed, created_at)"
                " VALUES (%s, %s, %s) ON CONFLICT (person_id) DO UPDATE"
                " SET sealed = excluded.sealed, created_at = excluded.created_at, last_step = 0"
                " WHERE f.confirmed_at IS NULL",
                (person, self.steps.seal.close(secret, _of(person)), now),
            )
        if not made:
            raise Conflict("second_factor_there")
        return Secret(totp.spelled(secret), totp.link(secret, caller.login))

    async def confirm(self, caller: Caller, code: str) -> list[str]:
        """Have it count from now on: the recovery codes, this once. The session is strong then."""
        now = self.clock.now()
        caller.freshly(now)
        await self._code(caller.person_id, code, confirmed=False)
        async with self.database.platform() as tx:
            await tx.execute(
                "UPDATE second_factor SET confirmed_at = %s WHERE person_id = %s",
                (now, caller.person_id),
            )
            codes = await recovery.renew(tx, caller.person_id)
            await sessions.note_proof(tx, caller.token_hash, now, strong=True)
        await self._note(caller, "second_factor.set_up", now)
        return codes

    async def renew_codes(self, caller: Caller) -> list[str]:
        """Make fresh recovery codes; NotFound for who has no second factor."""
        now = self.clock.now()
        caller.freshly(now)
        if not await self.held(caller.person_id):
            raise NotFound(kind="second_factor")
        _passed(caller)
        async with self.database.platform() as tx:
            codes = await recovery.renew(tx, caller.person_id)
        await self._note(caller, "second_factor.new_codes", now)
        return codes

    async def remove(self, caller: Caller) -> None:
        """Ask who is signed in for no second factor any more."""
        now = self.clock.now()
        caller.freshly(now)
        if await self.held(caller.person_id):
            _passed(caller)
        async with self.database.platform() as tx:
            await take_away(tx, caller.person_id)
        await self._note(caller, "second_factor.remove", now)

    async def held(self, person_id: int) -> bool:
        """Tell whether somebody has one that counts."""
        row = await self._row(person_id)
        return row is not None and row.confirmed_at is not None

    async def standing(self, caller: Caller) -> Standing:
        """Answer what is so of who is signed in."""
        caller.in_person()
        held = await self.held(caller.person_id)
        async with self.database.platform_read() as tx:
            asked = await tx.fetch_tuples(
                "SELECT 1 FROM membership m JOIN project_role r"
                " ON r.project_id = m.project_id AND r.slug = m.role"
                " WHERE m.person_id = %s AND r.second_factor_since IS NOT NULL LIMIT 1",
                (caller.person_id,),
            )
            return Standing(held, await recovery.left(tx, caller.person_id), bool(asked))

    async def begin_step(self, person_id: int) -> str:
        """Answer the token of the second step of somebody whose password was right."""
        return await self.steps.begin(Kind.SECOND_FACTOR, b"", person_id)

    async def finish(self, step: str, code: str) -> int:
        """Answer whose step it is once its code is right; the step is over then.

        InvalidInput `step_over`, NotSignedIn `wrong_code`, TooMuch after too many wrong ones.
        """
        person = (await self.steps.look(Kind.SECOND_FACTOR, step)).person_id or 0
        await self.check(person, code)
        await self.steps.take(Kind.SECOND_FACTOR, step)
        return person

    async def check(self, person_id: int, code: str) -> None:
        """Take a one-time or a recovery code of somebody; NotSignedIn `wrong_code` for others."""
        await self._code(person_id, code, confirmed=True)

    async def _code(self, person_id: int, code: str, *, confirmed: bool) -> None:
        now, name = self.clock.now(), _of(person_id)
        await self.throttle.count(name, ANYWHERE)
        await wait_out(self.database, name, ANYWHERE, now)
        given = "".join(letter for letter in code.lower() if letter not in " -")[:32]
        right = await self._one_time(person_id, given, confirmed=confirmed)
        if not right and confirmed:
            async with self.database.platform() as tx:
                right = await recovery.use(tx, person_id, given, now)
        if not right:
            await note_failure(self.database, name, ANYWHERE, now)
            raise NotSignedIn("wrong_code")
        await self.throttle.forgive(name, ANYWHERE)
        await forget_failures(self.database, name, ANYWHERE)

    async def _one_time(self, person_id: int, code: str, *, confirmed: bool) -> bool:
        row = await self._row(person_id)
        if row is None or (row.confirmed_at is not None) is not confirmed:
            return False
        secret = self.steps.seal.open(row.sealed, _of(person_id))
        step = totp.matching(secret, code, self.wall.now(), row.last_step)
        if step is None:
            return False
        async with self.database.platform() as tx:
            # Of two that enter the same code at once, one comes first.
            used = await tx.execute(
                "UPDATE second_factor SET last_step = %s WHERE person_id = %s AND last_step < %s",
                (step, person_id, step),
            )
        return used == 1

    async def _row(self, person_id: int) -> _Row | None:
        async with self.database.platform_read() as tx:
            return await tx.fetch_one(
                "SELECT sealed, confirmed_at, last_step FROM second_factor WHERE person_id = %s",
                (person_id,),
                into=_Row,
            )

    async def _note(self, caller: Caller, action: str, now: datetime) -> None:
        await note(self.database, Asker(caller.person_id, caller.uid), action, now)


async def take_away(tx: WriteSession, person_id: int) -> int:
    """Take somebody's second factor and codes away; how many there were."""
    await tx.execute("DELETE FROM recovery_code WHERE person_id = %s", (person_id,))
    return await tx.execute("DELETE FROM second_factor WHERE person_id = %s", (person_id,))


def _passed(caller: Caller) -> None:
    """Raise NotAllowed in a session that began before the factor: its holder knows no code yet."""
    if not caller.strong:
        raise NotAllowed("second_factor_weak")


def _of(person_id: int) -> str:
    return f"second factor {person_id}"
