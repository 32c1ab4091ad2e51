"""What is kept of the viewer, told to them, and forgetting them."""

import orjson
import strawberry

from backend.application.graphql.context import Context, KwInfo
from backend.core.errors import InvalidInput
from backend.service.people import forgetting


@strawberry.type
class ForgettingMutation:
    """Being forgotten."""

    @strawberry.mutation
    async def forget_me(self, info: KwInfo, login: str) -> bool:
        """Delete the viewer: records that must stay name a deleted person from then on.

        The login is asked for so that nobody does it by accident; who they are must have been
        proved within the last minutes.
        """
        context = info.context
        caller, platform = context.signed_in(), context.process.platform
        now = platform.clock.now()
        caller.freshly(now)
        if login.strip().casefold() != caller.login:
            raise InvalidInput("forget_login")
        await forgetting.forget(platform.database, caller, now)
        context.caller, context.new_token, context.signed_out = None, None, True
        context.doors.clear()
        return True


async def read_personal_data(context: Context) -> str:
    """Answer what is kept of the viewer, as JSON."""
    caller = context.signed_in()
    caller.in_person()
    kept = await forgetting.told(context.process.platform.database, caller.person_id)
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode()
