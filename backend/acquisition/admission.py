"""Keeps a broker's list of whom it admits as the database has it: at once where told, else soon.

The embedded broker reads a snapshot. A mosquitto with its dynamic-security plug-in is told what is
different (mosquitto.py). It takes secrets in plain text only, and the database has but their
hashes: so a third party is told to it while its secret is shown (`admit`), and what it does not
know of is told to the operator. Any other broker is left alone.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress

import msgspec
import psycopg

from backend.acquisition import mosquitto
from backend.acquisition.admitted import list_admitted
from backend.acquisition.connection import Connection, unique_name
from backend.acquisition.credentials import (
    Credential,
    broker_folder,
    is_embedded,
    write_snapshot,
)
from backend.acquisition.mosquitto import Known
from backend.core.errors import Unavailable
from backend.core.events import notified
from backend.core.platform import Platform
from backend.core.waking import rung

log = logging.getLogger(__name__)

CHANNEL = "kw_admitted"
"""What NOTIFY is sent on when somebody is to be let in or out at once."""
LOOK_S = 2.0
AGAIN_S = 60.0
"""Seconds after which a mosquitto is compared although nothing changed here."""
ANSWER_S = 5.0

Take = Callable[[mosquitto.Response], None]
"""What takes an answer that was waited for."""


class Admission:
    """Looks after the broker of a platform; any number of processes may."""

    def __init__(self, platform: Platform) -> None:
        """Take the platform; nothing is compared yet."""
        self._platform = platform
        self._told = asyncio.Event()
        self._folder = platform.settings.data_folder
        self._control: Control | None = None
        if not is_embedded(self._folder, platform.mqtt_url):
            self._control = Control(platform.mqtt_url)
        self._last: list[Credential] | None = None
        self._again_at = 0.0

    async def run(self) -> None:
        """Look whenever told, and every few seconds, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            if self._control is not None:
                group.create_task(self._control.run())
            while True:
                try:
                    await self._look()
                except (psycopg.OperationalError, Unavailable) as error:
                    log.warning("The broker's credentials could not be looked after: %s", error)
                await rung(self._told, LOOK_S)
                self._told.clear()

    async def _listen(self) -> None:
        async with aclosing(notified(self._platform.database, CHANNEL, "kw_ingest")) as wakes:
            async for _ in wakes:
                self._told.set()

    async def _look(self) -> None:
        async with self._platform.database.ingest() as tx:
            admitted = await list_admitted(tx, self._platform.clock)
        if self._control is None:
            write_snapshot(broker_folder(self._folder), admitted)
            return
        now = asyncio.get_running_loop().time()
        if admitted == self._last and now < self._again_at:
            return
        if await self._control.bring(admitted):
            self._last = admitted
        self._again_at = now + AGAIN_S


class Control:
    """Speaks with the dynamic-security plug-in of a mosquitto."""

    def __init__(self, url: str) -> None:
        """Take the address of the platform's own credential; `run` keeps the connection."""
        self._connection = Connection(
            url, unique_name("control"), on_message=lambda _, payload: self._heard(payload)
        )
        self._connection.subscribe(mosquitto.RESPONSE_TOPIC, qos=1)
        self._answers: dict[str, Take] = {}
        self._missed: set[str] = set()
        self._said: set[str] = set()

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        await self._connection.run()

    async def bring(self, admitted: list[Credential]) -> bool:
        """Tell mosquitto what is different; False when it does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._connection.subscribed.wait()
                known = await self._known()
                changes = mosquitto.changes(known, admitted)
                self._complain(mosquitto.unknown(known, admitted))
                if changes:
                    log.info("mosquitto is told %d changes of its credentials", len(changes))
                    await self._ask(*changes)
                return True
        return False

    async def admit(self, credential: Credential, secret: str) -> bool:
        """Tell mosquitto of a third party; False when it does not say that it took it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._connection.subscribed.wait()
                answers = await self._ask(*mosquitto.admit(credential, secret))
                return not any(one.error for one in answers)
        return False

    async def _known(self) -> Known:
        clients, roles = await self._ask(mosquitto.LIST_CLIENTS, mosquitto.LIST_ROLES)
        return mosquitto.known(clients, roles)

    async def _ask(self, *commands: mosquitto.Entry) -> list[mosquitto.Response]:
        """Send commands in one message and answer what mosquitto says to each."""
        mark = unique_name("ask")
        waiting: asyncio.Future[list[mosquitto.Response]] = (
            asyncio.get_running_loop().create_future()
        )
        answers: list[mosquitto.Response] = []

        def take(answer: mosquitto.Response) -> None:
            answers.append(answer)
            if len(answers) == len(commands) and not waiting.done():
                waiting.set_result(answers)

        self._answers[mark] = take
        try:
            self._connection.publish(
                mosquitto.CONTROL_TOPIC, mosquitto.marked(mark, commands), qos=1
            )
            return await waiting
        finally:
            del self._answers[mark]

    def _heard(self, payload: bytes) -> None:
        with suppress(msgspec.DecodeError):
            for one in mosquitto.read_responses(payload):
                take = self._answers.get(one.correlation)
                if take is not None:
                    take(one)

    def _complain(self, unknown: set[str]) -> None:
        # Whoever was just made is unknown for a moment.
        fresh = (unknown & self._missed) - self._said
        self._missed, self._said = unknown, self._said | fresh
        if fresh:
            log.warning(
                "mosquitto does not know %s: run kilowise mosquitto and start it again",
                ", ".join(sorted(fresh)),
            )


async def admit(platform: Platform, credential: Credential, secret: str) -> None:
    """Tell the broker of a third party whose secret was just made.

    Unavailable when a mosquitto does not take it; the embedded broker reads the snapshot instead.
    """
    if is_embedded(platform.settings.data_folder, platform.mqtt_url):
        return
    control = Control(platform.mqtt_url)
    task = asyncio.create_task(control.run())
    try:
        if not await control.admit(credential, secret):
            raise Unavailable("mqtt_broker")
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
