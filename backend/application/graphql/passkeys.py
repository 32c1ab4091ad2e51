"""Passkeys of the viewer: made, listed, removed."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Context, KwInfo, outside_uid
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.identity.passkeys import Offer, Party, PasskeyRow, party


@strawberry.type
class Passkey:
    """A credential that signs its person in alone."""

    id: strawberry.ID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    copied_at: datetime | None = strawberry.field(
        description="When its count of uses went back, as a copy's would: that use was refused."
    )

    @classmethod
    def of(cls, row: PasskeyRow) -> "Passkey":
        """Answer a stored passkey."""
        return cls(
            id=strawberry.ID(encode_id("psk", row.uid)),
            name=row.name,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            copied_at=row.copied_at,
        )


@strawberry.type
class PasskeyOffer:
    """What the browser is asked, and the step that its answer ends; good for five minutes."""

    step: str
    options: str = strawberry.field(
        description="JSON of the options of navigator.credentials.create or get."
    )

    @classmethod
    def of(cls, offer: Offer) -> "PasskeyOffer":
        """Answer what a browser is asked."""
        return cls(step=offer.step, options=offer.options)


@strawberry.type
class PasskeyMutation:
    """Making and removing passkeys of one's own."""

    @strawberry.mutation
    async def begin_passkey(self, info: KwInfo) -> PasskeyOffer:
        """Begin to make a passkey; whoever is signed in has proved it within ten minutes."""
        context = info.context
        passkeys = context.process.identity.passkeys
        caller = context.signed_in()
        return PasskeyOffer.of(await passkeys.begin_adding(caller, party_of(context)))

    @strawberry.mutation
    async def add_passkey(self, info: KwInfo, step: str, name: str, answer: str) -> Passkey:
        """Keep the passkey that the browser made (JSON of its credential)."""
        context = info.context
        passkeys = context.process.identity.passkeys
        caller = context.signed_in()
        row = await passkeys.add(caller, party_of(context), step, name, answer)
        return Passkey.of(row)

    @strawberry.mutation
    async def remove_passkey(self, info: KwInfo, id: strawberry.ID) -> bool:
        """Remove a passkey of one's own; whoever is signed in has proved it within ten minutes."""
        caller, passkeys = info.context.signed_in(), info.context.process.identity.passkeys
        await passkeys.remove(caller, outside_uid("psk", id))
        return True


def party_of(context: Context) -> Party:
    """Answer whom passkeys of the page that asks are for."""
    if context.socket:
        raise InvalidInput("sign_in_by_http")
    return party(context.process.platform.settings.public_url, context.origin)


async def read_passkeys(context: Context) -> list[Passkey]:
    """Answer the viewer's passkeys."""
    caller = context.signed_in()
    caller.in_person()
    found = await context.process.identity.passkeys.listed(caller.person_id)
    return [Passkey.of(row) for row in found]
