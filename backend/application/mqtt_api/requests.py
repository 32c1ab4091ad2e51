"""Commands that third parties ask for over MQTT: the same service and rules as over REST.

Whoever asks is known by the topic, where the broker lets nobody else publish. A request is given as
its credential's owner, within what the credential may at that moment; whatever is wrong with it is
answered on the credential's own results. The command's key is made of credential and identity, so
that a request that comes twice is one command.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID, uuid5

import msgspec
import psycopg

from backend.application.graphql.context import Door, asker_of, outside_uid
from backend.application.mqtt_api import counters
from backend.application.mqtt_api.messages import CommandRequest, CommandResult
from backend.application.mqtt_api.tellings import Message, answer, result_of
from backend.application.web_process import WebProcess
from backend.core import texts
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, KilowiseError, NotFound, TooMuch, Unavailable
from backend.service.gateways import commands
from backend.service.integration.access import Held, find_held
from backend.service.integration.topics import UNREADABLE, RequestTopic
from backend.service.people.openings import find_project
from backend.service.people.roles import Permission

log = logging.getLogger(__name__)

MOST_WAITING = 200
MOST_OF_ONE = 20
"""Requests of one credential that wait, so that it locks nobody else out."""
LONGEST = 10_000
"""Bytes of a request."""

_DEVICE = """
SELECT d.uid FROM device d JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
WHERE d.project_id = %(project)s AND g.slug = %(gateway)s AND d.slug = %(device)s
"""
_ASKED = """
INSERT INTO mqtt_request (project_id, uid, credential, correlation) VALUES (%s, %s, %s, %s)
ON CONFLICT (project_id, uid) DO NOTHING
"""
_REQUESTS = msgspec.json.Decoder(CommandRequest)


class _Named(msgspec.Struct):
    id: str


class Requests:
    """The requests of one project: taken at once, carried out one after the other."""

    def __init__(
        self, process: WebProcess, project_id: int, say: Callable[[Message], bool]
    ) -> None:
        """Take the project, and how answers are said."""
        self._process = process
        self._project_id = project_id
        self._say = say
        self._waiting: asyncio.Queue[tuple[RequestTopic, bytes]] = asyncio.Queue(MOST_WAITING)
        self._of_one: Counter[str] = Counter()
        self.turn = asyncio.Lock()
        """Held while a command is given and answered: what comes of it is told afterwards."""

    def take(self, topic: RequestTopic, payload: bytes) -> None:
        """Take a request, or answer that there are too many."""
        if self._waiting.full() or self._of_one[topic.credential] >= MOST_OF_ONE:
            counters.requests.labels("busy").inc()
            self._say(_refused(topic, identity_of(payload), TooMuch("mqtt_busy"), "en"))
            return
        self._of_one[topic.credential] += 1
        self._waiting.put_nowait((topic, payload))

    async def run(self) -> None:
        """Carry out what was taken, until cancelled."""
        while True:
            topic, payload = await self._waiting.get()
            try:
                async with self.turn:
                    message = await self._answer(topic, payload)
                    if message is not None:
                        self._say(message)
            except Exception:
                log.exception("a request of %s could not be answered", topic.credential)
            finally:
                self._of_one[topic.credential] -= 1
                if not self._of_one[topic.credential]:
                    del self._of_one[topic.credential]

    async def _answer(self, topic: RequestTopic, payload: bytes) -> Message | None:
        """Carry out a request; None for a credential that is not good any more."""
        held: Held | None = None
        try:
            held = await self._held(topic)
            if held is None:
                counters.requests.labels("unknown").inc()
                return None
            request = read_request(payload)
            row = await self._give(held, topic, request)
        except (psycopg.OperationalError, Unavailable):
            return _refused(topic, identity_of(payload), Unavailable(), _locale(held))
        except KilowiseError as error:
            return _refused(topic, identity_of(payload), error, _locale(held))
        counters.requests.labels("given").inc()
        return answer(topic.project, topic.credential, result_of(request.id, row, held.locale))

    async def _held(self, topic: RequestTopic) -> Held | None:
        uid = outside_uid("mqt", topic.credential)
        if uid is None:
            return None
        now = self._process.platform.clock.now()
        async with self._process.platform.database.read(self._project_id) as tx:
            return await find_held(tx, self._project_id, uid, now)

    async def _give(
        self, held: Held, topic: RequestTopic, request: CommandRequest
    ) -> commands.CommandRow:
        platform = self._process.platform
        caller = held.caller(self._project_id)
        project = await find_project(
            platform.database, caller, platform.clock.now(), slug=topic.project
        )
        if project is None:
            raise NotFound(kind="project")
        door = Door(self._process, project)
        door.require(Permission.WRITE)
        now = platform.clock.now()
        key = request_key(held.uid, request.id)
        async with door.write() as tx:
            setting = commands.Setting(
                await _device(tx, project.id, topic),
                request.point,
                request.value,
                request.expected_old,
                timedelta(seconds=request.not_after_seconds),
            )
            row = await commands.write_point(tx, project.id, key, setting, asker_of(caller), now)
            await tx.execute(_ASKED, (project.id, key, held.uid, request.id))
        return row


async def _device(tx: ReadSession, project_id: int, topic: RequestTopic) -> UUID:
    """Answer the device of a request; NotFound for one that its asker does not see."""
    asked = {"project": project_id, "gateway": topic.gateway, "device": topic.device}
    # PostgreSQL's texts know no NUL, so no slug has one.
    named = "\0" not in topic.gateway + topic.device
    found = await tx.fetch_value(_DEVICE, asked, into=UUID) if named else None
    if found is None:
        raise NotFound(kind="point")
    return found


def read_request(payload: bytes) -> CommandRequest:
    """Answer a request; InvalidInput tells the field that is wrong."""
    if len(payload) > LONGEST:
        raise InvalidInput("mqtt_unreadable", told=f"longer than {LONGEST} bytes")
    try:
        return _REQUESTS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("mqtt_unreadable", told=str(error)) from error


def identity_of(payload: bytes) -> str:
    """Answer the identity in a request as far as one can be read, for its refusal."""
    try:
        named = msgspec.json.decode(payload[:LONGEST], type=_Named).id
        return msgspec.convert({"id": named, "point": "x", "value": 0}, CommandRequest).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNREADABLE


def request_key(credential: UUID, identity: str) -> UUID:
    """Answer the key of the command that a credential asks for under an identity."""
    return uuid5(credential, identity)


def _locale(held: Held | None) -> str:
    return "en" if held is None else held.locale


def _refused(topic: RequestTopic, identity: str, error: KilowiseError, locale: str) -> Message:
    counters.requests.labels("refused").inc()
    said = CommandResult(
        identity, "refused", finished=True, code=error.error_code, text=_sentences(error, locale)
    )
    return answer(topic.project, topic.credential, said)


def _sentences(error: KilowiseError, locale: str) -> str:
    params: Mapping[str, float | int | str] = {
        name: value for name, value in error.params.items() if value is not None
    }
    known = texts.catalogue(locale)
    keys = [key for key in (error.text_key, error.next_key) if key in known]
    return " ".join(texts.text(locale, key, params) for key in keys)
