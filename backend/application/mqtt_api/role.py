"""Role `mqtt`: speaks JSON with third parties, for the projects whose lease this process holds.

It reads the live bus and the events of PostgreSQL; docs/integration.md has what it says. Any number
of processes may run it.
"""

import asyncio
import logging
import os
import secrets
import socket
from contextlib import aclosing

from backend.acquisition import live as live_bus
from backend.acquisition.connection import Connection, unique_name
from backend.acquisition.credentials import is_slug
from backend.application.mqtt_api.speaker import Speaker
from backend.application.web_process import WebProcess, make_process
from backend.core import events
from backend.core.platform import Platform
from backend.service.integration.topics import parse_request
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

PROJECTS_S = 5.0
"""Seconds between two looks for new projects."""


class Speakers:
    """The speakers of all projects in one process, over one connection."""

    def __init__(self, process: WebProcess) -> None:
        """Take what the process shares; nothing is spoken yet."""
        self._process = process
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._by_id: dict[int, Speaker] = {}
        self._by_slug: dict[str, Speaker] = {}
        self._connection = Connection(
            process.platform.mqtt_url,
            unique_name("mqtt"),
            on_message=self._heard,
            on_connect=self._connected,
        )

    async def run(self) -> None:
        """Speak until cancelled."""
        live = self._process.live
        async with asyncio.TaskGroup() as group:
            group.create_task(self._connection.run())
            group.create_task(live.follow(live_bus.batches(self._process.platform, name="mqtt")))
            group.create_task(live.refresh_for_ever())
            group.create_task(self._listen())
            while True:
                for project_id, slug in await known_projects(self._process.platform.database):
                    if project_id not in self._by_id and is_slug(slug):
                        speaker = self._begin(project_id, slug)
                        group.create_task(speaker.run())
                await asyncio.sleep(PROJECTS_S)

    def _begin(self, project_id: int, slug: str) -> Speaker:
        speaker = Speaker(self._process, self._connection, (project_id, slug), self._owner)
        self._by_id[project_id] = self._by_slug[slug] = speaker
        return speaker

    async def _listen(self) -> None:
        async with aclosing(events.notified(self._process.platform.database, events.CHANNEL)) as it:
            async for payload in it:
                woken = [self._by_id.get(int(payload))] if payload else self._by_id.values()
                for speaker in woken:
                    if speaker is not None:
                        speaker.wake()

    async def _connected(self) -> None:
        for speaker in self._by_id.values():
            speaker.begin_anew()

    def _heard(self, topic: str, payload: bytes) -> None:
        asked = parse_request(topic)
        speaker = None if asked is None else self._by_slug.get(asked.project)
        if asked is not None and speaker is not None:
            speaker.take(asked, payload)


async def run(platform: Platform) -> None:
    """Speak with third parties until cancelled."""
    process = make_process(platform)
    try:
        await Speakers(process).run()
    finally:
        process.sign_in.passwords.close()
