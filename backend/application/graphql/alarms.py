"""Alarms: the list, one, news of every change, and taking one."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import strawberry

from backend.application.graphql.alarm_types import AckResult, Alarm, AlarmDoor
from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.sources import Keep, Stream
from backend.application.graphql.taking import tapping
from backend.application.lengths import list_length
from backend.core.errors import InvalidInput, NotFound
from backend.service.alarms import store
from backend.service.alarms.acknowledge import Tap, acknowledge
from backend.service.people.roles import Permission

MOST = 200
CHANNELS = frozenset({"app", "notification", "offline"})
ALARMS_INTERVAL_S = 0.2


@strawberry.input
class AcknowledgeInput:
    """One tap of "I take it" as the device saw it."""

    project: strawberry.ID
    alarm: strawberry.ID
    key: strawberry.ID = strawberry.field(
        description="UUID made by the client once per tap: sent twice counts once."
    )
    device_time: datetime = strawberry.field(description="The device's clock at the tap.")
    offset_ms: int = strawberry.field(
        default=0,
        description="Device clock minus server clock in ms, as measured at the last contact.",
    )
    channel: str = strawberry.field(default="app", description="app, notification or offline.")
    tap: str | None = strawberry.field(
        default=None,
        description="On a shared device, the secret of the session in which it was tapped.",
    )


@strawberry.type
class AcknowledgePayload:
    """What taking the alarm did."""

    alarm: Alarm
    result: AckResult
    effective_at: datetime


@strawberry.type
class AlarmMutation:
    """Taking alarms."""

    @strawberry.mutation
    async def acknowledge(
        self,
        info: KwInfo,
        input: AcknowledgeInput,  # noqa: A002 - what the schema calls it
    ) -> AcknowledgePayload:
        """Take an alarm; idempotent by `key`, allowed late, the earliest effective time counts."""
        tap = Tap(_key(input.key), input.device_time, input.offset_ms, _channel(input.channel))
        context = info.context
        if input.tap is not None:
            context = await tapping(context, input.tap, tap.corrected)
        caller = context.signed_in()
        door = await enter_project(context, input.project)
        door.require(Permission.ACKNOWLEDGE)
        uid = outside_uid("alm", input.alarm)
        if uid is None:
            raise NotFound(kind="alarm")
        now = info.context.process.platform.clock.now()
        async with door.write() as tx:
            occurrence, taken = await acknowledge(
                tx, door.project.id, uid, caller.person_id, tap, now
            )
        return AcknowledgePayload(
            alarm=AlarmDoor(door).alarm(occurrence),
            result=AckResult[taken.result.name],
            effective_at=taken.effective_at,
        )


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInput("acknowledge_key") from None


def _channel(text: str) -> str:
    if text not in CHANNELS:
        raise InvalidInput("acknowledge_channel", channel=text[:20])
    return text


async def list_alarms(
    door: Door, *, open_only: bool | None, first: int, before: datetime | None
) -> list[Alarm]:
    """Answer alarms, open ones first, then newest first; at most `MOST`."""
    list_length(first, MOST)
    alarms = AlarmDoor(door)
    async with door.read() as tx:
        found = await store.list_occurrences(
            tx, door.project.id, open_only=open_only, before=before, first=first
        )
    return [alarms.alarm(occurrence) for occurrence in found]


async def find_alarm(door: Door, id: str) -> Alarm | None:
    """Answer one alarm; None when this project has none of that identity."""
    uid = outside_uid("alm", id)
    if uid is None:
        return None
    async with door.read() as tx:
        found = await store.occurrence_by_uid(tx, door.project.id, uid)
    return None if found is None else AlarmDoor(door).alarm(found)


class AlarmSource:
    """Every alarm that changed, as it now is."""

    interval_s = ALARMS_INTERVAL_S
    keep = Keep.EVERY

    def __init__(self, door: Door) -> None:
        """Watch the project's events of alarms."""
        self.scope = ("alarms", *door.scope)
        self._door = door
        self._watch = door.process.news.watch(door.project.id, "alarm")

    async def wait(self) -> None:
        """Return when an alarm changed."""
        await self._watch.bell.wait()

    async def full(self) -> list[Alarm]:
        """Nothing: whoever comes asks for the list."""
        return []

    async def changes(self) -> list[Alarm]:
        """Answer the alarms that changed since the last call."""
        refs = [ref for _, ref in self._watch.take()]
        alarms = AlarmDoor(self._door.renewed())
        found = []
        async with self._door.read() as tx:
            for ref in refs:
                one = await store.occurrence_by_uid(tx, self._door.project.id, uuid.UUID(ref))
                if one is not None:
                    found.append(alarms.alarm(one))
        return found

    def close(self) -> None:
        """Nothing to let go: the watch ends with its last holder."""


@strawberry.type
class AlarmSubscription:
    """Alarms, pushed."""

    @strawberry.subscription
    async def alarms(self, info: KwInfo, project: strawberry.ID) -> AsyncIterator[Alarm]:
        """Every alarm that changed, as it now is."""
        return Stream(AlarmSource(await enter_project(info.context, project)))
