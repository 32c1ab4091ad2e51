"""Signing in by a provider: whoever it vouches for has been linked before, on purpose.

An identity is linked by who is signed in and has just proved it, or by who accepts an invitation.
Nobody is linked by an e-mail address or a name: what a provider says of those may be anybody's.
What comes back is believed only from the browser that was sent, with the state that it was given.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import httpx
import msgspec

from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from backend.core.ids import new_uuid
from backend.service.identity.configured import ProviderRow, list_providers, return_path
from backend.service.identity.personal import note
from backend.service.identity.providers.base import Ask, Claimed, Provider, refused
from backend.service.identity.providers.registry import KINDS
from backend.service.identity.steps import Kind, Steps
from backend.service.people.asker import Asker
from backend.service.people.invitations import Newcomer, accept, offer
from backend.service.people.sessions import Caller

TIMEOUT_S: Final = 10.0


class Purpose(StrEnum):
    """What somebody goes to a provider for."""

    SIGN_IN = "sign_in"
    LINK = "link"
    JOIN = "join"


class Joining(msgspec.Struct, frozen=True):
    """Who accepts an invitation with an identity at a provider in place of a password."""

    invitation: str
    name: str
    login: str
    locale: str


class Began(msgspec.Struct, frozen=True):
    """What a step holds of somebody who was sent to a provider."""

    provider: str
    purpose: Purpose
    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    joining: Joining | None = None

    @property
    def ask(self) -> Ask:
        """It, for the provider."""
        return Ask(self.redirect_uri, self.state, self.nonce, self.verifier)


@dataclass(frozen=True, slots=True)
class Sent:
    """Where to send a browser, and the token of the step, which it brings back as a cookie."""

    address: str
    token: str


@dataclass(frozen=True, slots=True)
class Came:
    """Who came back, and what for."""

    purpose: Purpose
    person_id: int
    strong: bool


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """An identity as its person sees it."""

    uid: UUID
    provider: str
    shown: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Sends browsers to providers and takes them back."""

    database: Database
    clock: Clock
    steps: Steps

    async def ways(self) -> list[ProviderRow]:
        """Answer the providers there are."""
        async with self.database.platform_read() as tx:
            return await list_providers(tx)

    async def begin(
        self,
        slug: str,
        purpose: Purpose,
        base: str,
        caller: Caller | None,
        joining: Joining | None = None,
    ) -> Sent:
        """Answer where to send a browser that is at `base`.

        Linking is for who is signed in and has just proved it; joining for who holds a good link.
        """
        now, row = self.clock.now(), await self._row(slug)
        person = None
        if purpose is Purpose.LINK:
            if caller is None:
                raise NotSignedIn
            caller.freshly(now)
            person = caller.person_id
        if purpose is Purpose.JOIN:
            if joining is None:
                raise InvalidInput("step_over")
            await offer(self.database, joining.invitation, now)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        back = base.rstrip("/") + return_path(slug)
        began = Began(slug, purpose, back, state, nonce, verifier, joining)
        async with _web() as web:
            address = await self._provider(row, web).address(began.ask)
        secret = msgspec.json.encode(began)
        return Sent(address, await self.steps.begin(Kind.PROVIDER, secret, person))

    async def finish(
        self, slug: str, token: str, answer: Mapping[str, str], caller: Caller | None, *, demo: bool
    ) -> Came:
        """Answer who came back with this answer, and do what they went for.

        InvalidInput `step_over` for a browser that was not sent, or came before; NotSignedIn
        `provider_refused` for an answer that is none; `identity_unknown` for an identity that
        nobody linked. `demo`: whether people of the demonstration are let in.
        """
        step = await self.steps.take(Kind.PROVIDER, token)
        began = msgspec.json.decode(step.secret, type=Began)
        if began.provider != slug or not hmac.compare_digest(
            answer.get("state", "").encode(), began.state.encode()
        ):
            raise refused()
        async with _web() as web:
            claimed = await self._provider(await self._row(slug), web).claim(began.ask, answer)
        if began.purpose is Purpose.LINK:
            if caller is None or caller.person_id != step.person_id:
                raise NotAllowed("proof_needed")
            await self._link(slug, claimed, Asker(caller.person_id, caller.uid))
            return Came(began.purpose, caller.person_id, claimed.strong)
        if began.joining is not None:
            person = await self._join(slug, claimed, began.joining)
        else:
            person = await self._known(slug, claimed, demo=demo)
        return Came(began.purpose, person, claimed.strong)

    async def linked(self, person_id: int) -> list[LinkedRow]:
        """Answer somebody's identities, the newest first."""
        async with self.database.platform_read() as tx:
            return await tx.fetch_all(
                "SELECT uid, provider, shown, created_at, last_used_at FROM linked_identity"
                " WHERE person_id = %s ORDER BY created_at DESC, provider",
                (person_id,),
                into=LinkedRow,
            )

    async def unlink(self, caller: Caller, uid: UUID | None) -> None:
        """Take the link of an identity of one's own away; NotFound for any other."""
        now = self.clock.now()
        caller.freshly(now)
        async with self.database.platform() as tx:
            gone = await tx.execute(
                "DELETE FROM linked_identity WHERE person_id = %s AND uid = %s",
                (caller.person_id, uid),
            )
        if not gone:
            raise NotFound(kind="identity")
        await note(self.database, Asker(caller.person_id, caller.uid), "identity.unlink", now)

    async def _row(self, slug: str) -> ProviderRow:
        found = [row for row in await self.ways() if row.slug == slug]
        if not found:
            raise NotFound(kind="provider")
        return found[0]

    def _provider(self, row: ProviderRow, web: httpx.AsyncClient) -> Provider:
        return KINDS[row.kind](row.opened(self.steps.seal), web)

    async def _known(self, slug: str, claimed: Claimed, *, demo: bool) -> int:
        async with self.database.platform() as tx:
            person = await tx.fetch_value(
                "UPDATE linked_identity i SET last_used_at = %s FROM person p"
                " WHERE i.provider = %s AND i.subject = %s AND p.id = i.person_id"
                " AND (%s OR NOT p.demo) RETURNING i.person_id",
                (self.clock.now(), slug, claimed.subject, demo),
                into=int,
            )
        if person is None:
            raise NotSignedIn("identity_unknown")
        return person

    async def _link(self, slug: str, claimed: Claimed, who: Asker) -> None:
        now = self.clock.now()
        async with self.database.platform() as tx:
            new = await tx.execute(
                "INSERT INTO linked_identity (provider, subject, uid, person_id, shown, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (slug, claimed.subject, new_uuid(now), who.person_id, claimed.shown[:200], now),
            )
        if not new:
            raise Conflict("identity_taken")
        await note(self.database, who, "identity.link", now, {"provider": slug})

    async def _join(self, slug: str, claimed: Claimed, joining: Joining) -> int:
        async with self.database.platform_read() as tx:
            taken = await tx.fetch_tuples(
                "SELECT 1 FROM linked_identity WHERE provider = %s AND subject = %s",
                (slug, claimed.subject),
            )
        if taken:
            raise Conflict("identity_taken")
        who = Newcomer(joining.name, joining.login, None, joining.locale)
        _, person = await accept(self.database, joining.invitation, who, self.clock.now())
        async with self.database.platform_read() as tx:
            uid = await tx.fetch_value("SELECT uid FROM person WHERE id = %s", (person,), into=UUID)
        if uid is None:
            raise NotSignedIn
        await self._link(slug, claimed, Asker(person, uid))
        return person


def _web() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
