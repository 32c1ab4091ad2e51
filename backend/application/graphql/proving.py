"""Proving who somebody is by other things than a password, proving it anew, another password."""

import strawberry

from backend.application.graphql.context import KwInfo
from backend.application.graphql.passkeys import PasskeyOffer, party_of
from backend.application.graphql.people import SignInResult, viewer_of
from backend.core.errors import NotSignedIn
from backend.service.people.sign_in import Stranger


@strawberry.type
class ProvingMutation:
    """Signing in by passkey, proving anew who is signed in, and changing their password."""

    @strawberry.mutation
    async def begin_passkey_sign_in(self, info: KwInfo) -> PasskeyOffer:
        """Begin to sign in, or to prove it anew, by whichever passkey the person chooses."""
        context = info.context
        whom = party_of(context)
        await context.process.sign_in.throttle.count_from(context.address)
        return PasskeyOffer.of(await context.process.identity.passkeys.begin_sign_in(whom))

    @strawberry.mutation
    async def sign_in_by_passkey(self, info: KwInfo, step: str, answer: str) -> SignInResult:
        """Begin a session with a passkey's answer (JSON); no second factor is asked for."""
        context = info.context
        process = context.process
        person = await process.identity.passkeys.prove(
            party_of(context), step, answer, demo=process.sign_in.demo
        )
        stranger = Stranger(context.address, context.user_agent, bearer=False)
        caller = context.begin(await process.sign_in.begin(person, stranger, strong=True))
        return SignInResult(viewer=viewer_of(context, caller))

    @strawberry.mutation
    async def prove_by_password(self, info: KwInfo, password: str) -> bool:
        """Prove anew who is signed in, before changing what one signs in with."""
        context = info.context
        await context.process.sign_in.prove(context.signed_in(), password, context.address)
        return True

    @strawberry.mutation
    async def change_password(self, info: KwInfo, current: str, wanted: str) -> int:
        """Change the viewer's password; their other sessions end, and how many is answered."""
        context = info.context
        return await context.process.sign_in.change_password(
            context.signed_in(), current, wanted, context.address
        )

    @strawberry.mutation
    async def prove_by_passkey(self, info: KwInfo, step: str, answer: str) -> bool:
        """Prove it anew by a passkey of one's own."""
        context = info.context
        process, caller = context.process, context.signed_in()
        caller.in_person()
        person = await process.identity.passkeys.prove(
            party_of(context), step, answer, demo=process.sign_in.demo
        )
        if person != caller.person_id:
            raise NotSignedIn("passkey_refused")
        await process.sign_in.note_proof(caller, strong=True)
        return True
