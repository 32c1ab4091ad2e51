"""Inviting people into a project by a link or its QR code, and accepting."""

from datetime import datetime

import strawberry

from backend.application.graphql.authority import changing, place_of
from backend.application.graphql.context import Context, KwInfo, enter_project, outside_uid
from backend.application.graphql.enums import Module
from backend.application.graphql.invitations import Invitation
from backend.application.graphql.people import SignInResult, viewer_of
from backend.application.graphql.persons import LOCALES
from backend.application.graphql.qr import drawn
from backend.core.errors import InvalidInput
from backend.service.people import authority, invitations
from backend.service.people.invitations import Newcomer, checked_login, checked_name
from backend.service.people.sessions import Caller
from backend.service.people.sign_in import Stranger


@strawberry.type
class NewInvitation:
    """An invitation that was made; link and code are shown this once."""

    link: str
    qr: str = strawberry.field(description="The link as an SVG path on a grid of `qrSize`.")
    qr_size: int
    invitation: Invitation


@strawberry.input
class InviteInput:
    """As what somebody is invited."""

    project: strawberry.ID
    role: str
    part: strawberry.ID | None = strawberry.field(
        default=None, description="A place, with all below it; null for the whole plant."
    )
    modules: list[Module] | None = strawberry.field(default=None, description="Null for all.")
    days: int = strawberry.field(default=7, description="Until the link expires, at most 30.")
    note: str = strawberry.field(default="", description="For whom it is.")
    until: datetime | None = strawberry.field(
        default=None, description="When the membership that comes of it ends; null for ever."
    )


@strawberry.input
class AcceptInput:
    """Who accepts; whoever is signed in needs the token alone."""

    token: str
    name: str = ""
    login: str = strawberry.field(
        default="", description="Employee number, mobile number or e-mail address."
    )
    password: str = ""
    locale: str = "en"


@strawberry.type
class InvitationMutation:
    """Inviting, taking back, accepting."""

    @strawberry.mutation
    async def invite(
        self,
        info: KwInfo,
        input: InviteInput,  # noqa: A002 - what the schema calls it
    ) -> NewInvitation:
        """Make a one-time link that gives a role within limits."""
        door = await enter_project(info.context, input.project)
        async with changing(info, door) as change:
            limit = await authority.limit_named(
                change.tx, door.project.id, place_of(input.part), input.modules
            )
            token, row = await invitations.invite(
                change, input.role, limit, input.days, input.note, input.until
            )
        link = f"{door.process.platform.public_url.rstrip('/')}/join#{token}"
        path, size = drawn(link)
        shown = Invitation(door=door, row=row)
        return NewInvitation(link=link, qr=path, qr_size=size, invitation=shown)

    @strawberry.mutation
    async def revoke_invitation(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
    ) -> Invitation:
        """Take a link back."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            row = await invitations.revoke_invitation(change, outside_uid("inv", id))
        return Invitation(door=door, row=row)

    @strawberry.mutation
    async def accept_invitation(
        self,
        info: KwInfo,
        input: AcceptInput,  # noqa: A002 - what the schema calls it
    ) -> SignInResult:
        """Join the project; who was not signed in becomes a person, and a session begins."""
        context, caller = info.context, info.context.caller
        await context.process.sign_in.throttle.count_from(context.address)
        if caller is None:
            caller = await _new_here(context, input)
        else:
            caller.in_person()
            platform = context.process.platform
            await invitations.accept(
                platform.database, input.token, caller.person_id, platform.clock.now()
            )
        context.doors.clear()
        return SignInResult(viewer=viewer_of(context, caller))


async def _new_here(context: Context, told: AcceptInput) -> Caller:
    """Make a person of who accepts, and begin their session."""
    if context.socket:
        raise InvalidInput("sign_in_by_http")
    platform, sign_in = context.process.platform, context.process.sign_in
    now = platform.clock.now()
    # A link that is not good costs no hash.
    await invitations.offer(platform.database, told.token, now)
    who = Newcomer(
        checked_name(told.name),
        checked_login(told.login),
        await sign_in.passwords.hash(told.password),
        told.locale if told.locale in LOCALES else "en",
    )
    _, person = await invitations.accept(platform.database, told.token, who, now)
    stranger = Stranger(context.address, context.user_agent, bearer=False)
    token, caller = await sign_in.begin(person, stranger)
    context.caller, context.new_token, context.signed_out = caller, token, False
    return caller
