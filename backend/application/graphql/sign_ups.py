"""Asking for an account, and an operator's decision on it."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import KwInfo, asker_of, outside_uid
from backend.application.graphql.persons import LOCALES
from backend.core.ids import encode_id
from backend.service.people import sign_up
from backend.service.people.invitations import checked_login, checked_name
from backend.service.people.operators import is_operator
from backend.service.people.sign_up import Asked, SignUpRow


@strawberry.type
class SignUp:
    """Somebody who asks for an account, as operators see it."""

    id: strawberry.ID
    login: str
    name: str
    note: str = strawberry.field(description="What they wrote to the operator.")
    network: str = strawberry.field(description="From where they asked.")
    asked_at: datetime
    taken: bool = strawberry.field(description="Whether somebody has this login already.")

    @classmethod
    def of(cls, row: SignUpRow) -> "SignUp":
        """Answer a stored request."""
        return cls(
            id=strawberry.ID(encode_id("sgn", row.uid)),
            login=row.login,
            name=row.name,
            note=row.note,
            network=row.network,
            asked_at=row.asked_at,
            taken=row.taken,
        )


@strawberry.input
class SignUpInput:
    """Who asks for an account."""

    name: str
    login: str = strawberry.field(description="Employee number, mobile number or e-mail address.")
    password: str
    note: str = strawberry.field(default="", description="Who they are, for the operator.")
    locale: str = "en"


@strawberry.type
class SignUpQuery:
    """Whether strangers may ask, and who waits."""

    @strawberry.field
    def sign_up_open(self, info: KwInfo) -> bool:
        """Whether strangers may ask for an account here."""
        return info.context.process.sign_ups.opened

    @strawberry.field
    async def sign_ups(self, info: KwInfo) -> list[SignUp] | None:
        """Who waits for an account; null for everybody but the operators in person."""
        caller, platform = info.context.caller, info.context.process.platform
        if caller is None or caller.scope is not None:
            return None
        async with platform.database.platform_read() as tx:
            if not await is_operator(tx, caller.person_id):
                return None
            found = await sign_up.list_waiting(tx, platform.clock.now())
        return [SignUp.of(row) for row in found]


@strawberry.type
class SignUpMutation:
    """Asking, and deciding."""

    @strawberry.mutation
    async def ask_for_account(
        self,
        info: KwInfo,
        input: SignUpInput,  # noqa: A002 - what the schema calls it
    ) -> bool:
        """Ask for an account; an operator decides. Always true, whoever has the login."""
        asked = Asked(
            checked_login(input.login),
            checked_name(input.name),
            input.password,
            input.note,
            input.locale if input.locale in LOCALES else "en",
        )
        await info.context.process.sign_ups.ask(asked, info.context.address)
        return True

    @strawberry.mutation
    async def approve_sign_up(self, info: KwInfo, id: strawberry.ID) -> bool:
        """Let somebody in who asks for an account; by operators."""
        caller, platform = info.context.signed_in(), info.context.process.platform
        caller.in_person()
        uid, now = outside_uid("sgn", id), platform.clock.now()
        await sign_up.approve(platform.database, uid, asker_of(caller), now)
        return True

    @strawberry.mutation
    async def refuse_sign_up(self, info: KwInfo, id: strawberry.ID) -> bool:
        """Refuse somebody who asks for an account; by operators. They are told nothing."""
        caller, platform = info.context.signed_in(), info.context.process.platform
        caller.in_person()
        uid, now = outside_uid("sgn", id), platform.clock.now()
        await sign_up.refuse(platform.database, uid, asker_of(caller), now)
        return True
