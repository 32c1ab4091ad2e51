"""What is told because of an event: alarms, configurations, results of commands.

Each function reads how a thing is now and answers the messages of it; an event that is told twice
tells the same. Alarms in trial are not told.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast, get_args
from uuid import UUID

import msgspec

from backend.application.mqtt_api.messages import (
    Alarm,
    AlarmEvent,
    AlarmStep,
    CommandResult,
    CommandState,
    Config,
    ConfigVersion,
)
from backend.core import texts
from backend.core.db import ReadSession
from backend.core.ids import encode_id
from backend.service.alarms.states import Cause, State
from backend.service.alarms.store import Occurrence, list_occurrences, occurrence_by_uid, steps_of
from backend.service.gateways.commands import CommandRow, find_command
from backend.service.integration import topics
from backend.service.integration.access import alarm_id

MOST_OPEN = 10_000
"""Open alarms that are told when somebody begins to speak."""
EVENTS: Mapping[Cause, AlarmEvent] = {
    Cause.RAISE: "raised",
    Cause.ACK: "acknowledged",
    Cause.CLEAR: "cleared",
    Cause.SEVERITY: "severity",
}
NOTHING = b""
"""An empty retained message takes away what was retained."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and whether the broker keeps it for whoever subscribes later."""

    family: str
    topic: str
    payload: bytes
    retain: bool


_DEFINITIONS = "SELECT id, uid, mode FROM alarm_definition WHERE project_id = %s ORDER BY id"
_CONFIGS = """
SELECT g.uid, g.slug, s.config_version, s.config_hash, c.version, c.hash, c.state,
       coalesce(c.state_at, c.sent_at, c.created_at) AS changed_at
FROM gateway g
LEFT JOIN gateway_state s ON s.project_id = %(project)s AND s.gateway_id = g.id
LEFT JOIN LATERAL (
    SELECT version, hash, state, state_at, sent_at, created_at FROM gateway_config
    WHERE project_id = %(project)s AND gateway_id = g.id ORDER BY version DESC LIMIT 1
) c ON true
WHERE g.project_id = %(project)s AND (%(uid)s::uuid IS NULL OR g.uid = %(uid)s) ORDER BY g.slug
"""
_REQUEST = """
SELECT r.credential, r.correlation, p.locale FROM mqtt_request r
JOIN mqtt_credential c ON c.project_id = %(project)s AND c.uid = r.credential
JOIN person p ON p.id = c.person_id
WHERE r.project_id = %(project)s AND r.uid = %(uid)s
"""


async def all_alarms(tx: ReadSession, project_id: int, project: str) -> list[Message]:
    """Answer every alarm as it is now; what is normal takes away what may be retained of it."""
    definitions = await _definitions(tx, project_id)
    opened = await list_occurrences(tx, project_id, open_only=True, first=MOST_OPEN)
    told = {one.definition_id: one for one in reversed(opened)}
    found: list[Message] = []
    for number, definition in definitions.items():
        occurrence = told.get(number)
        if occurrence is not None and definition.is_told:
            found += await _alarm(tx, project_id, project, definition, occurrence)
        else:
            found.append(Message("alarms", definition.topic(project), NOTHING, retain=True))
    return found


async def one_alarm(tx: ReadSession, project_id: int, project: str, ref: str) -> list[Message]:
    """Answer what an event `alarm` tells; `ref` is the occurrence's UUID."""
    occurrence = await occurrence_by_uid(tx, project_id, UUID(ref))
    if occurrence is None:
        return []
    definition = (await _definitions(tx, project_id))[occurrence.definition_id]
    if not definition.is_told:
        return []
    return await _alarm(tx, project_id, project, definition, occurrence)


@dataclass(frozen=True, slots=True)
class _Definition:
    uid: UUID
    mode: str

    @property
    def is_told(self) -> bool:
        return self.mode == "live"

    def topic(self, project: str) -> str:
        return topics.alarms(project, alarm_id(self.uid))


async def _definitions(tx: ReadSession, project_id: int) -> dict[int, _Definition]:
    rows = await tx.fetch_tuples(_DEFINITIONS, (project_id,))
    return {int(id): _Definition(uid, mode) for id, uid, mode in rows}


async def _alarm(
    tx: ReadSession, project_id: int, project: str, definition: _Definition, one: Occurrence
) -> list[Message]:
    steps = (await steps_of(tx, project_id, [one]))[one.id]
    said = Alarm(
        encode_id("alm", one.uid),
        one.kind,
        one.name,
        one.priority,
        one.state.value,
        EVENTS[steps[-1].cause],
        one.raised_at,
        one.state_at,
        {name: value for name, value in one.params.items() if isinstance(value, int | float | str)},
        [AlarmStep(step.state.value, EVENTS[step.cause], step.at) for step in steps],
    )
    topic = definition.topic(project)
    last = Message("alarms", topic, msgspec.json.encode(said), retain=one.state is not State.NORM)
    return [last] if last.retain else [last, Message("alarms", topic, NOTHING, retain=True)]


async def configs(
    tx: ReadSession, project_id: int, project: str, ref: str | None = None
) -> list[Message]:
    """Answer the configuration of one gateway (its UUID), or of all."""
    asked = {"project": project_id, "uid": None if ref is None else UUID(ref)}
    found = []
    for uid, slug, in_force, digest, version, wanted, state, changed in await tx.fetch_tuples(
        _CONFIGS, asked
    ):
        said = Config(
            encode_id("gtw", uid),
            _version(version, wanted),
            state,
            _version(in_force, digest),
            changed,
        )
        topic = topics.config(project, slug)
        found.append(Message("config", topic, msgspec.json.encode(said), retain=True))
    return found


def _version(number: int | None, digest: str | None) -> ConfigVersion | None:
    return None if number is None or digest is None else ConfigVersion(number, digest)


async def result(tx: ReadSession, project_id: int, project: str, ref: str) -> list[Message]:
    """Answer how far a command is (its UUID), where it was asked over MQTT."""
    asked = {"project": project_id, "uid": UUID(ref)}
    rows = await tx.fetch_tuples(_REQUEST, asked)
    row = await find_command(tx, project_id, UUID(ref)) if rows else None
    if row is None:
        return []
    credential, correlation, locale = rows[0]
    said = result_of(correlation, row, locale)
    return [answer(project, encode_id("mqt", credential), said)]


def answer(project: str, credential: str, said: CommandResult) -> Message:
    """Answer the message to a credential; nothing of it is kept by the broker."""
    topic = topics.results(project, credential, said.id)
    return Message("results", topic, msgspec.json.encode(said), retain=False)


def result_of(correlation: str, row: CommandRow, locale: str) -> CommandResult:
    """Answer a command as its asker is told of it."""
    return CommandResult(
        correlation,
        _state(row.state),
        row.finished_at is not None,
        row.code,
        _told(locale, row.code),
        encode_id("cmd", row.uid),
        row.unit,
        row.value,
        row.old_value,
        row.read_value,
        row.state_at,
    )


def _state(text: str) -> CommandState:
    if text not in get_args(CommandState):
        raise ValueError(f"a command has the state {text!r}")
    return cast("CommandState", text)


def _told(locale: str, code: str | None) -> str | None:
    key = f"commands.code.{code}"
    return texts.text(locale, key) if key in texts.catalogue(locale) else None


Telling = Callable[[ReadSession, int, str, str], Awaitable[list[Message]]]
TELLINGS: Mapping[str, Telling] = {"alarm": one_alarm, "gateway": configs, "command": result}
"""What is told of which events; called with the project's number and slug and the event's ref."""
