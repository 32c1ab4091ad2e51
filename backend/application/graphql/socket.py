"""`graphql-transport-ws` (the protocol of npm graphql-ws): subscriptions, and operations too.

Frames are text. A socket belongs to the session it was opened with and closes when that ends.
Close codes: those of the protocol (4400 bad message, 4401 nobody is signed in, 4406 other protocol,
4408 no init in time, 4409 id used twice, 4429 too many inits), 4403 for a session that ended,
4413 for a client that is too slow and reads again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
import orjson
from graphql import ExecutionResult
from prometheus_client import Counter, Gauge
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from backend.application.frames import aborter_of, writer_of
from backend.application.graphql.asked import Asked, told_cost
from backend.application.graphql.context import Context
from backend.application.graphql.errors import describe, tell
from backend.application.graphql.execution import Engine, encode
from backend.application.graphql.fanout import Fanout, Feed, Subscribed
from backend.application.graphql.limits import is_subscription
from backend.application.graphql.mailbox import Mailbox, Member
from backend.application.graphql.persisted import Persisted
from backend.application.graphql.sources import Stream
from backend.application.origin import address_of, caller_of, check_origin
from backend.application.web_process import WebProcess
from backend.core.errors import KilowiseError
from backend.core.waking import rung
from backend.service.people.delegations import rights_change_at
from backend.service.people.sessions import Caller

log = logging.getLogger(__name__)

PROTOCOL = "graphql-transport-ws"
INIT_S = 10.0
RECHECK_S = 30.0
MAX_SUBSCRIPTIONS = 40
CLOSE_S = 2.0
"""Seconds for the last frame; then the connection is dropped."""
SEND_S = 30.0
"""Seconds one frame may take to leave before the client counts as gone."""

SOCKETS = Gauge("kilowise_sockets", "Open websockets")
SENT = Counter("kilowise_socket_frames_total", "Frames sent to clients")


class Message(msgspec.Struct):
    """A message of the client."""

    type: str
    id: str | None = None
    payload: msgspec.Raw = msgspec.Raw()


class Closing(Exception):
    """The socket is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        """Take both as the client will see them."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(eq=False)
class Socket:
    """One open websocket."""

    process: WebProcess
    engine: Engine
    fanout: Fanout
    persisted: Persisted
    websocket: WebSocket
    caller: Caller | None = None
    ready: bool = False
    mailbox: Mailbox = field(init=False)
    subscriptions: dict[str, tuple[Member, Feed] | None] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    sending_since: float | None = None
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    reason: Closing | None = None
    """Why it is ending, when not because its session did."""

    def __post_init__(self) -> None:
        """Have frames leave at once where the client keeps up."""
        self._write = writer_of(self.websocket.scope)
        self.mailbox = Mailbox(self._send_now)

    async def serve(self) -> None:
        """Serve the socket until either side ends it."""
        SOCKETS.inc()
        self.process.sockets.add(self)
        try:
            # Each task of a socket is held a thousand times: what can wait in this one does.
            async with asyncio.TaskGroup() as group:
                for work in (self._send_waiting(), self._stay_valid(), self._stay_allowed()):
                    group.create_task(work)
                await self._receive()
        except* Closing as closings:
            await self._close(_first(closings))
        except* WebSocketDisconnect:
            pass
        finally:
            self.process.sockets.discard(self)
            SOCKETS.dec()
            self._drop_everything()

    def recheck(self, token_hash: bytes) -> None:
        """A session ended somewhere: look whether it is this socket's."""
        if self.caller is not None and self.caller.token_hash == token_hash:
            self.ending.set()

    def reopen(self, person: UUID) -> None:
        """What a person may do has changed: have their app come back and be told anew."""
        if self.caller is not None and self.caller.uid == person:
            self.reason = Closing(1012, "Rights changed")
            self.ending.set()

    async def _receive(self) -> None:
        while True:
            received = await self.websocket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code", 1000))
            text = received.get("text")
            if text is None:
                raise Closing(4400, "Send text frames")
            try:
                message = msgspec.json.decode(text, type=Message)
            except msgspec.DecodeError:
                raise Closing(4400, "Invalid message") from None
            await self._handle(message)

    async def _handle(self, message: Message) -> None:
        match message.type:
            case "connection_init":
                await self._init()
            case "ping":
                await self._send('{"type":"pong"}')
            case "pong":
                pass
            case "subscribe":
                self._subscribe(message)
            case "complete":
                self._leave(message.id or "")
            case _:
                raise Closing(4400, "Invalid message")

    async def _init(self) -> None:
        if self.ready:
            raise Closing(4429, "Too many initialisation requests")
        if self.caller is None:
            raise Closing(4401, "Unauthorized")
        self.ready = True
        await self._send('{"type":"connection_ack"}')

    async def _stay_valid(self) -> None:
        """End the socket when its session ends: told by the news, or found at the next look; and
        at its beginning, when nobody says `connection_init` in time.
        """
        await rung(self.ending, INIT_S)
        if not self.ready and not self.ending.is_set():
            raise Closing(4408, "Connection initialisation timeout")
        while True:
            await rung(self.ending, RECHECK_S)
            since = self.sending_since
            if since is not None and time.monotonic() - since > SEND_S:
                raise Closing(4413, "Too slow")
            if self.caller is None:
                continue
            if self.reason is not None:
                raise self.reason
            if self.ending.is_set() or not await self.process.sign_in.still_valid(self.caller):
                raise Closing(4403, "Session ended")

    async def _stay_allowed(self) -> None:
        """End the socket when what its person may do begins or ends by itself: it comes back."""
        if self.caller is None:
            return
        platform, person = self.process.platform, self.caller.person_id
        now = platform.clock.now()
        at = await rights_change_at(platform.database, person, now)
        if at is not None:
            await platform.clock.sleep((at - now).total_seconds())
            raise Closing(1012, "Rights changed")

    async def _send_waiting(self) -> None:
        while True:
            waiting = await self.mailbox.next()
            if waiting is None:
                raise Closing(4413, "Too slow")
            member, payload = waiting
            held = self.subscriptions.get(member.id)
            if held is None or held[0] is not member:  # completed meanwhile
                continue
            await self._send(_framed(member, payload))

    def _send_now(self, member: Member, payload: str) -> bool:
        """Send a payload without a turn of this socket's own; False where it has to wait."""
        sent = self.sending_since is None and self._write(_framed(member, payload))
        if sent:
            SENT.inc()
        return sent

    async def _send(self, text: str) -> None:
        # One deadline a socket instead of a timer a frame: `_stay_valid` looks at it.
        self.sending_since = time.monotonic()
        await self.websocket.send({"type": "websocket.send", "text": text})
        self.sending_since = None
        SENT.inc()

    def _subscribe(self, message: Message) -> None:
        if not self.ready:
            raise Closing(4401, "Unauthorized")
        id = message.id
        if not id or len(id) > 100 or not bytes(message.payload):
            raise Closing(4400, "Invalid message")
        if id in self.subscriptions:
            raise Closing(4409, f"Subscriber for {id} already exists")
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Closing(4400, "Too many subscriptions")
        try:
            asked = msgspec.json.decode(message.payload, type=Asked)
        except msgspec.DecodeError:
            raise Closing(4400, "Invalid message") from None
        self.subscriptions[id] = None
        task = asyncio.create_task(self._operation(id, asked))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _operation(self, id: str, asked: Asked) -> None:
        """Run one operation; what is wrong with it is told, never raised."""
        try:
            await self._answered(id, asked)
        except (Closing, WebSocketDisconnect, RuntimeError):
            # The socket is gone or going; its own tasks end it.
            self.subscriptions.pop(id, None)

    async def _answered(self, id: str, asked: Asked) -> None:
        try:
            await self._run(id, asked)
        except KilowiseError as error:
            await self._error(id, [{"message": error.error_code, "extensions": describe(error)}])

    async def _run(self, id: str, asked: Asked) -> None:
        prepared = self.persisted.prepare(self.engine, asked)
        if prepared.errors:
            await self._error(id, tell(prepared.errors))
            return
        context = Context(
            process=self.process,
            caller=self.caller,
            address=address_of(self.websocket),
            socket=True,
            cost=prepared.cost(asked.operation_name, asked.variables),
        )
        context.spend_as_caller()
        if not is_subscription(prepared, asked.operation_name):
            result = await self.engine.execute(
                prepared, asked.variables, asked.operation_name, context
            )
            await self._once(id, encode(result, told_cost(context, asked)).decode())
            return
        source = await self.engine.source(prepared, asked.variables, asked.operation_name, context)
        if isinstance(source, ExecutionResult):
            await self._error(id, tell(source.errors or []))
            return
        self._join(id, Subscribed(prepared, asked.variables, asked.operation_name, context), source)

    def _join(self, id: str, asked: Subscribed, stream: AsyncIterable[object]) -> None:
        if not isinstance(stream, Stream):
            raise TypeError(f"{stream!r} is no Stream")
        if id not in self.subscriptions:  # completed meanwhile
            stream.source.close()
            return
        self.subscriptions[id] = self.fanout.subscribe(self.mailbox, id, asked, stream.source)

    async def _once(self, id: str, payload: str) -> None:
        if id not in self.subscriptions:
            return
        quoted = _quoted(id)
        await self._send(f'{{"id":{quoted},"type":"next","payload":{payload}}}')
        del self.subscriptions[id]
        await self._send(f'{{"id":{quoted},"type":"complete"}}')

    async def _error(self, id: str, errors: object) -> None:
        if self.subscriptions.pop(id, False) is False:
            return
        body = orjson.dumps(errors).decode()
        await self._send(f'{{"id":{_quoted(id)},"type":"error","payload":{body}}}')

    def _leave(self, id: str) -> None:
        held = self.subscriptions.pop(id, None)
        if held is not None:
            member, feed = held
            feed.leave(member)

    def _drop_everything(self) -> None:
        for id in list(self.subscriptions):
            self._leave(id)
        for task in self.tasks:
            task.cancel()

    async def _close(self, closing: Closing) -> None:
        if self.websocket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                try:
                    async with asyncio.timeout(CLOSE_S):
                        await self.websocket.close(closing.code, closing.reason)
                except TimeoutError:
                    # Who takes no frames takes no farewell either.
                    aborter_of(self.websocket.scope)()


async def serve_socket(
    process: WebProcess,
    engine: Engine,
    fanout: Fanout,
    persisted: Persisted,
    websocket: WebSocket,
) -> None:
    """Accept and serve one websocket; refuses other protocols and foreign pages."""
    try:
        check_origin(process, websocket)
        caller = await caller_of(process, websocket)
    except KilowiseError:
        await websocket.close(4403)
        return
    if PROTOCOL not in websocket.scope["subprotocols"]:
        await websocket.accept()
        await websocket.close(4406, "Subprotocol not acceptable")
        return
    await websocket.accept(PROTOCOL)
    await Socket(process, engine, fanout, persisted, websocket, caller).serve()


def _framed(member: Member, payload: str) -> str:
    return f"{member.prefix}{payload}}}"


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _first(group: BaseExceptionGroup[Closing]) -> Closing:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, Closing):
        raise TypeError(f"{error!r} is no Closing")
    return error
