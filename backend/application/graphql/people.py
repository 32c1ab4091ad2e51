"""People: who is signed in, signing in and out, the language they read."""

import strawberry

from backend.application.graphql.access import OpenSession, read_sessions
from backend.application.graphql.closing import ClosedProject, read_closed
from backend.application.graphql.context import Context, Door, KwInfo
from backend.application.graphql.forgetting import read_personal_data
from backend.application.graphql.linked import LinkedIdentity, read_identities
from backend.application.graphql.passkeys import Passkey, read_passkeys
from backend.application.graphql.persons import LOCALES, Person
from backend.application.graphql.projects import Project
from backend.application.graphql.second_factor import SecondFactor, read_second_factor
from backend.application.graphql.taking import Post, held_post
from backend.core.errors import InvalidInput
from backend.service.people.openings import open_projects
from backend.service.people.operators import is_operator
from backend.service.people.sessions import Caller
from backend.service.people.sign_in import Stranger
from backend.service.projects.founding import may_found


def person_of(caller: Caller) -> Person:
    """Answer the signed-in person."""
    return Person.of(caller.uid, caller.login, caller.name, caller.locale)


@strawberry.type
class Viewer:
    """Whoever is signed in."""

    person: Person
    demo: bool = strawberry.field(
        description="True while demo people with a public password exist; the app shows a banner."
    )

    @strawberry.field
    async def personal_data(self, info: KwInfo) -> str:
        """What is kept of this person, as JSON; see docs/personal-data.md."""
        return await read_personal_data(info.context)

    @strawberry.field
    async def post(self, info: KwInfo) -> Post | None:
        """The post whose shared device this person holds; null on their own."""
        return await held_post(info.context)

    @strawberry.field
    async def projects(self, info: KwInfo) -> list[Project]:
        """Projects this person may open."""
        context = info.context
        async with context.process.platform.database.platform_read() as tx:
            now = context.process.platform.clock.now()
            found = await open_projects(tx, context.signed_in(), now)
        for project in found:
            context.process.budgets.projects.note(project.id, context.cost)
        return [Project(door=Door(context.process, project)) for project in found]

    @strawberry.field
    async def makes_projects(self, info: KwInfo) -> bool:
        """Whether this person may make projects here."""
        platform, caller = info.context.process.platform, info.context.signed_in()
        if caller.scope is not None:
            return False
        async with platform.database.platform_read() as tx:
            return await may_found(tx, caller.person_id, platform.settings.sign_up)

    @strawberry.field
    async def operates(self, info: KwInfo) -> bool:
        """Whether this person looks after the platform."""
        caller = info.context.signed_in()
        if caller.scope is not None:
            return False
        async with info.context.process.platform.database.platform_read() as tx:
            return await is_operator(tx, caller.person_id)

    @strawberry.field
    async def closed_projects(self, info: KwInfo) -> list[ClosedProject]:
        """Projects of this person that let nobody in now, and why."""
        return await read_closed(info.context)

    @strawberry.field
    async def sessions(self, info: KwInfo) -> list[OpenSession]:
        """Where this person is signed in, the session seen last first."""
        return await read_sessions(info.context)

    @strawberry.field
    async def passkeys(self, info: KwInfo) -> list[Passkey]:
        """What this person signs in with without a password, newest first."""
        return await read_passkeys(info.context)

    @strawberry.field
    async def identities(self, info: KwInfo) -> list[LinkedIdentity]:
        """Who this person is at providers that may sign them in."""
        return await read_identities(info.context)

    @strawberry.field
    async def second_factor(self, info: KwInfo) -> SecondFactor:
        """Whether this person has a second factor, and whether a role of theirs asks for one."""
        return await read_second_factor(info.context)


def viewer_of(context: Context, caller: Caller) -> Viewer:
    """Answer the viewer of this operation."""
    return Viewer(person=person_of(caller), demo=context.process.sign_in.demo)


@strawberry.type
class SignInResult:
    """A session that began, or the second step that is due before one does."""

    viewer: Viewer | None
    step: str | None = strawberry.field(
        default=None,
        description="Of finishSignIn, where a code is asked for; good for five minutes.",
    )


def entered(context: Context, session: tuple[str, Caller] | str) -> SignInResult:
    """Answer a session that began, or the step that is due."""
    if isinstance(session, str):
        return SignInResult(viewer=None, step=session)
    return SignInResult(viewer=viewer_of(context, context.begin(session)))


@strawberry.type
class PeopleQuery:
    """Who is signed in."""

    @strawberry.field
    def viewer(self, info: KwInfo) -> Viewer | None:
        """Null when nobody is signed in."""
        caller = info.context.caller
        return None if caller is None else viewer_of(info.context, caller)


@strawberry.type
class PeopleMutation:
    """Signing in and out."""

    @strawberry.mutation
    async def sign_in(self, info: KwInfo, login: str, password: str) -> SignInResult:
        """Begin a session; the answer carries its cookie."""
        context = info.context
        if context.socket:
            raise InvalidInput("sign_in_by_http")
        stranger = Stranger(context.address, context.user_agent, bearer=False)
        return entered(context, await context.process.sign_in.first_step(login, password, stranger))

    @strawberry.mutation
    async def finish_sign_in(self, info: KwInfo, step: str, code: str) -> SignInResult:
        """Begin the session by a one-time code, or a recovery code in its place."""
        context = info.context
        if context.socket:
            raise InvalidInput("sign_in_by_http")
        stranger = Stranger(context.address, context.user_agent, bearer=False)
        return entered(context, await context.process.sign_in.second_step(step, code, stranger))

    @strawberry.mutation
    async def sign_out(self, info: KwInfo) -> bool:
        """End the session; true although there was none."""
        context = info.context
        if context.caller is not None:
            await context.process.sign_in.sign_out(context.caller)
        context.caller, context.new_token, context.signed_out = None, None, True
        context.doors.clear()
        return True

    @strawberry.mutation
    async def set_locale(self, info: KwInfo, locale: str) -> Person:
        """Choose the language of the app and of what is pushed."""
        caller = info.context.signed_in()
        caller.in_person()
        if locale not in LOCALES:
            raise InvalidInput("locale_unknown", locale=locale[:20])
        async with info.context.process.platform.database.platform() as tx:
            await tx.execute(
                "UPDATE person SET locale = %s WHERE id = %s", (locale, caller.person_id)
            )
        person = person_of(caller)
        person.locale = locale
        return person
