"""This person's browsers that are to be notified."""

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project
from backend.application.graphql.persons import LOCALES
from backend.core.errors import InvalidInput
from backend.service.notify import outbox, subscriptions
from backend.service.people.sessions import Caller

MOST_CHARACTERS = 2_000


@strawberry.input
class RegisterPushInput:
    """What `pushManager.subscribe` gave, and the language to write in."""

    project: strawberry.ID
    endpoint: str
    p256dh: str
    auth: str
    locale: str
    user_agent: str | None = None


@strawberry.type
class PushMutation:
    """Registering browsers for notifications."""

    @strawberry.mutation
    async def register_push(
        self,
        info: KwInfo,
        input: RegisterPushInput,  # noqa: A002 - what the schema calls it
    ) -> bool:
        """Have this browser notified of the project's alarms; repeatable."""
        caller, door = await _in_person(info, input.project)
        if input.locale not in LOCALES:
            raise InvalidInput("locale_unknown", locale=input.locale[:20])
        if max(map(len, (input.endpoint, input.p256dh, input.auth))) > MOST_CHARACTERS:
            raise InvalidInput("push_endpoint")
        registration = subscriptions.Registration(
            input.endpoint, input.p256dh, input.auth, input.locale, (input.user_agent or "")[:200]
        )
        now = info.context.process.platform.clock.now()
        async with door.write() as tx:
            await subscriptions.register(tx, door.project.id, caller.person_id, registration, now)
        return True

    @strawberry.mutation
    async def unregister_push(self, info: KwInfo, project: strawberry.ID, endpoint: str) -> bool:
        """Notify this browser no more; whether it was registered."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            return await subscriptions.unregister(tx, door.project.id, caller.person_id, endpoint)

    @strawberry.mutation
    async def test_push(self, info: KwInfo, project: strawberry.ID) -> int:
        """Send a test notification to the viewer's own browsers; the number queued."""
        caller, door = await _in_person(info, project)
        now = info.context.process.platform.clock.now()
        async with door.write() as tx:
            return await outbox.enqueue_test(tx, door.project.id, caller.person_id, now)


async def _in_person(info: KwInfo, project: str) -> tuple[Caller, Door]:
    """Open a project to who asks in person, on a device of their own.

    What is pushed is what the person sees, however little a key or a post is good for, and it goes
    on after that has ended.
    """
    caller = info.context.signed_in()
    door = await enter_project(info.context, project)
    caller.in_person()
    return caller, door
