"""The header Idempotency-Key: a write that is sent again answers what the first was answered.

A route of `OnceRoute` with a `OnceDoor` does all it does in one transaction, and keeps its answer
there before the commit. What was refused changed nothing and is not kept: it may be sent again.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from backend.application.graphql.context import Door
from backend.application.rest.doors import ProjectDoor, SignedIn
from backend.core.db import ReadSession, WriteSession
from backend.core.seal import Seal
from backend.core.sight import Sight
from backend.service.integration import answered
from backend.service.integration.answered import Answer, Asked
from backend.service.people.sessions import Caller

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
TOLD_AGAIN: Final = ("content-type", "location", "cache-control")
RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    409: {"description": "It changed meanwhile; or the first request of this key is under way."},
    422: {"description": "What was sent; or this key was sent with another request."},
}

Handler = Callable[[Request], Coroutine[object, object, Response]]


class AnsweredBefore(Exception):
    """The request acted already; what it was answered then."""

    def __init__(self, answer: Answer) -> None:
        """Take the answer."""
        super().__init__()
        self.answer = answer


class Heard:
    """Hashes what is asked, the body as it is received."""

    def __init__(self, request: Request) -> None:
        """Begin with the method and the address."""
        self._receive: Receive = request.receive
        line = f"{request.method} {request.url.path}?{request.url.query}\n"
        self._hash = hashlib.sha256(line.encode())

    async def receive(self) -> Message:
        """Answer the next part of the body."""
        message = await self._receive()
        self._hash.update(message.get("body", b""))
        return message

    def digest(self) -> bytes:
        """Answer the hash of all that was heard."""
        return self._hash.digest()


class Once:
    """Opens a project for a request that acts once: whatever it writes is one transaction."""

    def __init__(self, door: Door, caller: Caller, key: str, heard: Heard, held: AsyncExitStack):
        """Take where it writes, who asks with which key, and what ends the transaction."""
        self._platform = door.process.platform
        self._seal = Seal(self._platform.settings.data_folder)
        self._asked: Callable[[], Asked] = lambda: Asked(
            door.project.id, caller.person_id, _credential(caller), key, heard.digest()
        )
        self._held = held
        self._open: tuple[WriteSession, Asked] | None = None

    def read(
        self, project_id: int, sight: Sight | None = None
    ) -> AbstractAsyncContextManager[ReadSession]:
        """Open a read-only transaction of its own."""
        return self._platform.database.read(project_id, sight)

    @asynccontextmanager
    async def project(
        self, project_id: int, sight: Sight | None = None
    ) -> AsyncIterator[WriteSession]:
        """Answer the one write transaction; AnsweredBefore when the request acted already."""
        if self._open is None:
            opening = self._platform.database.project(project_id, sight)
            tx, asked = await self._held.enter_async_context(opening), self._asked()
            found = await answered.begin(tx, asked, self._seal, self._platform.clock.now())
            if found is not None:
                raise AnsweredBefore(found)
            self._open = tx, asked
        yield self._open[0]

    async def keep(self, response: Response) -> None:
        """Keep the answer of a request that wrote."""
        if self._open is None:
            return
        headers = {one: response.headers[one] for one in TOLD_AGAIN if one in response.headers}
        answer = Answer(response.status_code, headers, bytes(response.body))
        await answered.keep(*self._open, answer, self._seal, self._platform.clock.now())


class Turn:
    """One request with a key: what it asks, its transaction, and what opens it."""

    def __init__(self, request: Request, held: AsyncExitStack) -> None:
        """Take the request and what ends its transaction."""
        self.heard = Heard(request)
        self.once: Once | None = None
        self._held = held

    def enter(self, door: Door, caller: Caller, key: str) -> None:
        """Have the door write in this request's transaction."""
        self.once = Once(door, caller, key, self.heard, self._held)
        door.opens = self.once


class OnceRoute(APIRoute):
    """A route whose writes may carry the header."""

    def get_route_handler(self) -> Handler:
        """Answer what answers; with the header, what answers once."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if HEADER not in request.headers or request.method == "GET":
                return await handle(request)
            return await _in_turn(handle, request)

        return answer


async def _in_turn(handle: Handler, request: Request) -> Response:
    async with AsyncExitStack() as held:
        turn = Turn(request, held)
        request.state.turn = turn
        try:
            response = await handle(Request(request.scope, turn.heard.receive))
        except AnsweredBefore as before:
            found = before.answer
            return Response(found.body, found.status, {**found.headers, REPLAYED: "true"})
        if turn.once is not None:
            await turn.once.keep(response)
    return response


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=200,
        pattern="^[ -~]+$",
        description=(
            "Chosen by the client, new for each request. Sent again within 24 hours, the request"
            " does not act again: it is answered as before, with `Idempotency-Replayed: true`."
        ),
    ),
]


async def once_door(
    request: Request, door: ProjectDoor, caller: SignedIn, key: IdempotencyKey = None
) -> Door:
    """Open the project named by the query, for what is to act once with the same key."""
    if key is not None:
        turn: object = request.state.turn
        assert isinstance(turn, Turn)  # noqa: S101 - of the route's class
        turn.enter(door, caller, key)
    return door


OnceDoor = Annotated[Door, Depends(once_door)]


def _credential(caller: Caller) -> str:
    return "" if caller.scope is None else str(caller.scope.uid)
