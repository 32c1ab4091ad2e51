"""Signing in and out: login and password against the person's hash, braked and timed alike."""

import logging
from dataclasses import dataclass

from backend.core import events
from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.errors import InvalidInput, NotAllowed, NotSignedIn
from backend.core.ids import encode_id
from backend.core.peers import Peers
from backend.service.identity.personal import note
from backend.service.identity.second_factor import SecondFactors
from backend.service.people import keys, sessions, taking
from backend.service.people.asker import Asker
from backend.service.people.openings import projects_of
from backend.service.people.passwords import Passwords
from backend.service.people.sessions import Caller
from backend.service.people.throttle import (
    SignInThrottle,
    forget_failures,
    note_failure,
    wait_out,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stranger:
    """Who tries to sign in: from where, with what, and whether as a script."""

    address: str
    user_agent: str | None
    bearer: bool


class SignIn:
    """The one way in: counts the try, verifies the password, begins the session."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        second: SecondFactors,
        *,
        demo: bool,
        peers: Peers | None = None,
    ) -> None:
        """Take `demo`: whether people of the demonstration are let in here."""
        self._database = database
        self._clock = clock
        self._second = second
        self.demo = demo
        self.passwords = Passwords()
        self.throttle = SignInThrottle(peers=peers)

    async def sign_in(
        self, login: str, password: str, who: Stranger, code: str | None = None
    ) -> tuple[str, Caller]:
        """Answer the new session's token and its caller, all in one step, for scripts.

        Raises what `check_password` does; NotSignedIn `second_factor_due` for a person with a
        second factor and no `code`, `wrong_code` for another code.
        """
        person = await self.check_password(login, password, who.address)
        asked = await self._second.held(person)
        if asked and code is None:
            raise NotSignedIn("second_factor_due")
        if asked:
            await self._second.check(person, code or "")
        return await self.begin(person, who, strong=asked)

    async def first_step(
        self, login: str, password: str, who: Stranger
    ) -> tuple[str, Caller] | str:
        """Answer the new session, or the token of the second step where one is asked for."""
        person = await self.check_password(login, password, who.address)
        return await self.begin_or_ask(person, who)

    async def begin_or_ask(self, person: int, who: Stranger) -> tuple[str, Caller] | str:
        """Answer a session of who passed a first step, or the token of the second one."""
        if await self._second.held(person):
            return await self._second.begin_step(person)
        return await self.begin(person, who)

    async def second_step(self, step: str, code: str, who: Stranger) -> tuple[str, Caller]:
        """Answer the new session once the code of the second step is right."""
        return await self.begin(await self._second.finish(step, code), who, strong=True)

    async def check_password(self, login: str, password: str, address: str) -> int:
        """Answer whose login and password these are.

        Raises NotSignedIn `wrong_credentials` alike for an unknown login, a wrong password and a
        person of the demonstration where those are not let in; TooMuch after too many tries.
        """
        login = login.strip().casefold()
        await self.throttle.count(login, address)
        now = self._clock.now()
        await wait_out(self._database, login[:200], address, now)
        async with self._database.platform_read() as tx:
            row = await tx.fetch_one(
                "SELECT id, password_hash FROM person WHERE lower(login) = %s AND (%s OR NOT demo)",
                (login, self.demo),
            )
        stored = row["password_hash"] if row else None
        if not await self.passwords.verify(stored, password) or row is None:
            await note_failure(self._database, login[:200], address, now)
            log.warning("Sign-in refused: wrong credentials, from %s", address)
            raise NotSignedIn("wrong_credentials")
        await self.throttle.forgive(login, address)
        await forget_failures(self._database, login, address)
        number: int = row["id"]
        return number

    async def begin(
        self, person_id: int, who: Stranger, *, strong: bool = False
    ) -> tuple[str, Caller]:
        """Begin a session of somebody who has proved who they are: its token and caller."""
        now = self._clock.now()
        async with self._database.platform() as tx:
            token = await sessions.create_session(
                tx,
                person_id,
                now,
                bearer=who.bearer,
                user_agent=who.user_agent,
                address=who.address,
                strong=strong,
            )
        caller = await self.caller(token, bearer=who.bearer)
        if caller is None:
            raise NotSignedIn
        log.info("Signed in: %s, from %s", encode_id("per", caller.uid), who.address)
        return token, caller

    async def prove(self, caller: Caller, password: str, address: str) -> None:
        """Have who is signed in prove it anew; raises what `check_password` does."""
        caller.in_person()
        await self.check_password(caller.login, password, address)
        await self.note_proof(caller, strong=False)

    async def note_proof(self, caller: Caller, *, strong: bool) -> None:
        """Keep that who is signed in proved it anew, maybe by a second factor."""
        async with self._database.platform() as tx:
            await sessions.note_proof(tx, caller.token_hash, self._clock.now(), strong=strong)

    async def change_password(self, caller: Caller, current: str, wanted: str, address: str) -> int:
        """Give who is signed in another password; answer how many of their other sessions end.

        Raises what `check_password` does for `current`, NotAllowed for keys, shared devices and
        people of the demonstration, InvalidInput for a password that is no good or no other one.
        """
        caller.in_person()
        if caller.demo:
            raise NotAllowed("demo_password")
        await self.check_password(caller.login, current, address)
        if wanted == current:
            raise InvalidInput("password_same")
        hashed = await self.passwords.hash(wanted)
        now = self._clock.now()
        async with self._database.platform() as tx:
            await tx.execute(
                "UPDATE person SET password_hash = %s WHERE id = %s", (hashed, caller.person_id)
            )
            held = await sessions.list_sessions(tx, caller.person_id, now)
        others = [one.token_hash for one in held if one.token_hash != caller.token_hash]
        for other in others:
            await self.end_session(caller.person_id, other)
        await note(self._database, Asker(caller.person_id, caller.uid), "password.change", now)
        return len(others)

    async def caller(self, token: str, *, bearer: bool) -> Caller | None:
        """Answer who holds the token; None when it is no valid session or key here."""
        now = self._clock.now()
        if bearer and token.startswith(keys.PREFIX):
            return await keys.find_caller(self._database, token, now, demo=self.demo)
        caller = await sessions.find_caller(
            self._database, token, now, bearer=bearer, demo=self.demo
        )
        if caller is None or caller.device is None:
            return caller
        return await taking.scoped(self._database, caller)

    async def still_valid(self, caller: Caller) -> bool:
        """Tell whether a caller's session or key is valid now (for sockets that stay open)."""
        now = self._clock.now()
        if caller.by_key:
            return await keys.still_valid(self._database, caller.token_hash, now)
        return await sessions.still_valid(self._database, caller.token_hash, now)

    async def sign_out(self, caller: Caller) -> None:
        """End the caller's session; its sockets close wherever they are held."""
        if not caller.by_key:
            await self.end_session(caller.person_id, caller.token_hash)

    async def end_session(self, person_id: int, token_hash: bytes) -> None:
        """End a session of somebody; its sockets close wherever they are held."""
        async with self._database.platform() as tx:
            await sessions.revoke(tx, token_hash, self._clock.now())
            projects = await projects_of(tx, person_id)
        for project in projects:
            async with self._database.project(project) as tx:
                now = self._clock.now()
                await events.publish(tx, project, "session", token_hash.hex(), now)
