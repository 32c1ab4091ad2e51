"""The simulator's control: a small HTTP server on loopback that takes requests at run time.

Requests and names are those of `gateway.contract.demo`. Every change is written to the events file
before it takes effect, so that a killed simulator goes on the same and the truth file knows it.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from gateway.contract.demo import CONTROL_PATH, STATE_PATH, Request
from gateway.simulator.field import Field
from gateway.simulator.scenario import Scenario, ScenarioError, event_of, write_events
from gateway.simulator.story import STORY_MINUTES, site_kw, story_events

log = logging.getLogger(__name__)

Answer = dict[str, object]
LONGEST_BODY = 65_536
_TIMEOUT_S = 10.0


class Controller:
    """Carries out requests on a field and keeps its events file."""

    def __init__(self, field: Field, events: Path, state: Callable[[], Answer]) -> None:
        """Control a field; `state` says what the simulator is besides its events."""
        self._field = field
        self._events = events
        self._state = state

    def carry_out(self, document: Mapping[str, object]) -> Answer:
        """Do what a request asks. Raises ScenarioError when it cannot be done."""
        now = self._field.now()
        event = event_of(document, now)
        minutes = document.get("minutes", STORY_MINUTES)
        scenario = self._field.scenario
        if event.kind is Request.STORY:
            if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 120:
                raise ScenarioError(f"minutes is {minutes!r}; write a whole number from 1 to 120")
            self._live(scenario.ended(now, stories_only=True))
            begun = story_events(self._field.plant, now, minutes)
            self._live(self._field.scenario.with_events(begun))
        elif event.kind is Request.SHED:
            self._live(scenario.ended(now, stories_only=True))
        elif event.kind is Request.CLEAR:
            self._live(scenario.ended(now, stories_only=False))
        else:
            self._live(scenario.with_events([event]))
        return self.state()

    def state(self) -> Answer:
        """What the simulator is and what goes on."""
        now = self._field.now()
        lines = [json.loads(event.line()) for event in self._field.scenario.going_on(now)]
        stories = [line for line in lines if line.get("story")]
        return self._state() | {
            "now": now,
            "site_kw": round(site_kw(self._field.plant, now), 1),
            "story": bool(stories),
            "events": [line for line in lines if not line.get("story")],
        }

    def _live(self, scenario: Scenario) -> None:
        self._field.set_scenario(scenario)
        write_events(self._events, scenario)


async def serve_control(controller: Controller) -> asyncio.Server:
    """Listen on a free port of loopback."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status, body = await _respond(controller, reader)
                writer.write(_response(status, body))
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            log.debug("a control request ended early")
        finally:
            writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def _respond(
    controller: Controller, reader: asyncio.StreamReader
) -> tuple[HTTPStatus, Answer]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, *_ = [*head[0].split(" "), "", ""]
    lengths = [line.split(":", 1)[1] for line in head if line.lower().startswith("content-length:")]
    size = int(lengths[0]) if lengths and lengths[0].strip().isdigit() else 0
    if size > LONGEST_BODY:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _refusal("the request is too long")
    body = await reader.readexactly(size)
    if (method, path) == ("GET", STATE_PATH):
        return HTTPStatus.OK, {"ok": True} | controller.state()
    if (method, path) != ("POST", CONTROL_PATH):
        return HTTPStatus.NOT_FOUND, _refusal(f"use POST {CONTROL_PATH} or GET {STATE_PATH}")
    return _control(controller, body)


def _control(controller: Controller, body: bytes) -> tuple[HTTPStatus, Answer]:
    try:
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ScenarioError("the request is no JSON object")
        return HTTPStatus.OK, {"ok": True} | controller.carry_out(document)
    except ValueError as error:
        return HTTPStatus.BAD_REQUEST, _refusal(str(error))


def _refusal(reason: str) -> Answer:
    return {"ok": False, "error": reason}


def _response(status: HTTPStatus, body: Answer) -> bytes:
    content = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content
