"""The viewer's second factor, roles that ask for one, and resetting somebody's."""

import strawberry

from backend.application.graphql.authority import Role, changing
from backend.application.graphql.context import Context, KwInfo, enter_project, outside_uid
from backend.application.graphql.qr import drawn
from backend.service.identity import asked as asked_by


@strawberry.type
class SecondFactor:
    """How the viewer proves who they are besides their password."""

    held: bool = strawberry.field(description="Whether signing in asks for a code.")
    codes_left: int = strawberry.field(description="Recovery codes that were not used yet.")
    asked: bool = strawberry.field(description="Whether a role of theirs asks for one.")
    passed: bool = strawberry.field(description="Whether this session passed one.")


@strawberry.type
class NewSecondFactor:
    """What an authenticator app is told, this once."""

    secret: str
    qr: str = strawberry.field(description="Its link as an SVG path on a grid of `qrSize`.")
    qr_size: int


@strawberry.type
class SecondFactorMutation:
    """Setting a second factor up, asking roles for one, taking a lost one away."""

    @strawberry.mutation
    async def begin_second_factor(self, info: KwInfo) -> NewSecondFactor:
        """Make a secret for an authenticator app; it counts once a code of it is entered."""
        caller, second = info.context.signed_in(), info.context.process.identity.second
        made = await second.begin(caller)
        path, size = drawn(made.link)
        return NewSecondFactor(secret=made.spelled, qr=path, qr_size=size)

    @strawberry.mutation
    async def confirm_second_factor(self, info: KwInfo, code: str) -> list[str]:
        """Have it count from now on; the recovery codes are shown this once."""
        context = info.context
        codes = await context.process.identity.second.confirm(context.signed_in(), code)
        context.doors.clear()
        return codes

    @strawberry.mutation
    async def renew_recovery_codes(self, info: KwInfo) -> list[str]:
        """Make fresh recovery codes, shown this once; those before are good no more."""
        return await info.context.process.identity.second.renew_codes(info.context.signed_in())

    @strawberry.mutation
    async def remove_second_factor(self, info: KwInfo) -> bool:
        """Be asked for no code any more."""
        await info.context.process.identity.second.remove(info.context.signed_in())
        return True

    @strawberry.mutation
    async def ask_second_factor(
        self, info: KwInfo, project: strawberry.ID, role: str, asked: bool
    ) -> Role:
        """Have a role open the project only to sessions that passed a second factor, or not."""
        door = await enter_project(info.context, project)
        caller = info.context.signed_in()
        async with changing(info, door) as change:
            return Role.of(await asked_by.ask(change, caller, role, asked=asked))

    @strawberry.mutation
    async def reset_second_factor(
        self, info: KwInfo, project: strawberry.ID, person: strawberry.ID
    ) -> bool:
        """Take a member's second factor away, because they lost it."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            await asked_by.reset(change, outside_uid("per", person))
        return True


async def read_second_factor(context: Context) -> SecondFactor:
    """Answer how it stands with the viewer's second factor."""
    caller = context.signed_in()
    found = await context.process.identity.second.standing(caller)
    return SecondFactor(
        held=found.held, codes_left=found.codes_left, asked=found.asked, passed=caller.strong
    )
