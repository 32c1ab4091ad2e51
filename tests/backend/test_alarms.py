"""Alarms on a real database: raised once, stepped, acknowledged, pushed, stopped; by kw_app."""

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from psycopg.types.json import Jsonb

from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.errors import NotFound
from backend.core.ids import new_uuid
from backend.service.alarms.acknowledge import (
    AckResult,
    Tap,
    acknowledge,
    acknowledgements,
)
from backend.service.alarms.evaluate import evaluate
from backend.service.alarms.kinds.base import Definition
from backend.service.alarms.states import State
from backend.service.alarms.store import (
    Occurrence,
    count_open,
    list_occurrences,
    steps_of,
)
from backend.service.notify.channels.webpush import Recipient
from backend.service.notify.message import Message
from backend.service.notify.outbox import Outbox
from backend.service.notify.subscriptions import Registration, register
from backend.service.notify.transport import TransportError
from tests.postgres import Actor, MakePerson

MINUTE = timedelta(minutes=1)
REGISTRATION = Registration("https://fcm.googleapis.com/x", "BPub", "secret", "en", "test")


async def silent_definition(database: Database, project: int, now: datetime) -> Definition:
    """A live definition of meter_silent, and one device heard at `now`."""
    async with database.ingest() as tx:
        device = await tx.fetch_value(
            "INSERT INTO device (project_id, uid, gateway_id, slug, verified, online)"
            " VALUES (%s, %s, 1, 'comp-1', true, true)"
            " RETURNING id",
            (project, new_uuid(now)),
            into=int,
        )
        point = await tx.fetch_value(
            "INSERT INTO point (project_id, device_id, name, kind, unit)"
            " VALUES (%s, %s, 'p', 'gauge', 'kW') RETURNING id",
            (project, device),
            into=int,
        )
        await tx.execute(
            "INSERT INTO last_value (project_id, point_id, ts, value) VALUES (%s, %s, %s, 1)",
            (project, point, now),
        )
    params = {"minutes": 5}
    async with database.project(project) as tx:
        number = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, params, priority, mode,"
            " created_at) VALUES (%s, %s, 'meter_silent', %s, %s, 2, 'live', %s) RETURNING id",
            (project, new_uuid(now), Jsonb({"en": "Silent"}), Jsonb(params), now),
            into=int,
        )
    assert number is not None
    return Definition(number, "meter_silent", None, None, 2, dict(params))


async def hear(database: Database, project: int, now: datetime) -> None:
    """The device is heard again."""
    async with database.ingest() as tx:
        await tx.execute("UPDATE last_value SET ts = %s WHERE project_id = %s", (now, project))


async def judge(
    database: Database, project: int, definition: Definition, now: datetime
) -> list[Occurrence]:
    """Evaluate once and read all occurrences."""
    await evaluate(database, project, definition, "live", now)
    async with database.read(project) as tx:
        return await list_occurrences(tx, project)


def tap(at: datetime, offset_ms: int = 0, key: uuid.UUID | None = None) -> Tap:
    """A tap on a device whose clock says `at`."""
    return Tap(key or uuid.uuid4(), at, offset_ms, "app")


async def test_an_alarm_lives_and_ends(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """Silence raises at five minutes, is taken, clears; the next silence is a new occurrence."""
    project, start = alice.tenant.id, clock.now()
    definition = await silent_definition(database, project, start)
    assert await judge(database, project, definition, start + 4 * MINUTE) == []
    [raised] = await judge(database, project, definition, start + 6 * MINUTE)
    assert (raised.state, raised.number, raised.step) == (State.UNACK, 1, 1)
    assert raised.raised_at == start + 5 * MINUTE
    assert await judge(database, project, definition, start + 7 * MINUTE) == [raised]

    async with database.project(project) as tx:
        taken, ack = await acknowledge(
            tx, project, raised.uid, alice.id, tap(start + 8 * MINUTE), start + 9 * MINUTE
        )
    assert (taken.state, ack.result) == (State.ACKED, AckResult.FIRST)
    assert ack.effective_at == start + 8 * MINUTE

    await hear(database, project, start + 10 * MINUTE)
    [ended] = await judge(database, project, definition, start + 10 * MINUTE)
    assert ended.state is State.NORM
    newest, _ = await judge(database, project, definition, start + 16 * MINUTE)
    assert (newest.number, newest.state) == (2, State.UNACK)
    async with database.read(project) as tx:
        steps = (await steps_of(tx, project, [ended]))[ended.id]
        assert await count_open(tx, project) == 1
    assert [(one.step, one.state.value, one.cause.value, one.person_id) for one in steps] == [
        (1, "UNACK", "raise", None),
        (2, "ACKED", "ack", alice.id),
        (3, "NORM", "clear", None),
    ]


async def test_case_19_two_people_acknowledge_offline(
    database: Database, alice: Actor, clock: ManualClock, make_person: MakePerson
) -> None:
    """The earliest effective time wins, whatever the order of arrival; both are recorded once."""
    project, start = alice.tenant.id, clock.now()
    bea = await make_person("bea", alice.tenant)
    definition = await silent_definition(database, project, start)
    [raised] = await judge(database, project, definition, start + 6 * MINUTE)
    # Alice's device runs two minutes ahead and says :11; Bea's is right and says :10.
    hers, beas = tap(start + 11 * MINUTE, 120_000), tap(start + 10 * MINUTE)
    async with database.project(project) as tx:
        _, late = await acknowledge(tx, project, raised.uid, bea.id, beas, start + 20 * MINUTE)
    async with database.project(project) as tx:
        _, early = await acknowledge(tx, project, raised.uid, alice.id, hers, start + 21 * MINUTE)
    assert late.effective_at == start + 10 * MINUTE
    assert early.effective_at == start + 9 * MINUTE
    async with database.read(project) as tx:
        found = (await acknowledgements(tx, project, [raised]))[raised.id]
    assert [(one.person_id, one.result) for one in found] == [
        (alice.id, AckResult.LATER),
        (bea.id, AckResult.FIRST),
    ]
    # The page and the worker send the same tap: it counts once and gets the same answer.
    async with database.project(project) as tx:
        _, again = await acknowledge(tx, project, raised.uid, alice.id, hers, start + 22 * MINUTE)
        assert len((await acknowledgements(tx, project, [raised]))[raised.id]) == 2
    assert again == early


async def test_effective_time_is_clamped(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """A device that says 1970 took it when it was raised; one from the future, when received."""
    project, start = alice.tenant.id, clock.now()
    definition = await silent_definition(database, project, start)
    [raised] = await judge(database, project, definition, start + 6 * MINUTE)
    received = start + 7 * MINUTE
    for device_time, effective in [
        (datetime(1970, 1, 1, tzinfo=start.tzinfo), raised.raised_at),
        (start + timedelta(days=900), received),
    ]:
        async with database.project(project) as tx:
            _, ack = await acknowledge(
                tx, project, raised.uid, alice.id, tap(device_time), received
            )
        assert ack.effective_at == effective


async def test_an_older_occurrence_is_recorded_as_late(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """An acknowledgement that arrives for an occurrence long over changes nothing."""
    project, start = alice.tenant.id, clock.now()
    definition = await silent_definition(database, project, start)
    [first] = await judge(database, project, definition, start + 6 * MINUTE)
    await hear(database, project, start + 7 * MINUTE)
    async with database.project(project) as tx:
        await acknowledge(tx, project, first.uid, alice.id, tap(start), start + 7 * MINUTE)
    await judge(database, project, definition, start + 7 * MINUTE)
    second, _ = await judge(database, project, definition, start + 13 * MINUTE)
    async with database.project(project) as tx:
        same, ack = await acknowledge(
            tx, project, first.uid, alice.id, tap(start + 8 * MINUTE), start + 14 * MINUTE
        )
    assert (same.state, ack.result) == (State.NORM, AckResult.LATE_OCCURRENCE)
    async with database.read(project) as tx:
        assert (await list_occurrences(tx, project, open_only=True)) == [second]


async def test_the_stranger_takes_nothing(
    database: Database, alice: Actor, charlie: Actor, clock: ManualClock
) -> None:
    """Another project's person gets the answer of a thing that does not exist."""
    project, start = alice.tenant.id, clock.now()
    definition = await silent_definition(database, project, start)
    [raised] = await judge(database, project, definition, start + 6 * MINUTE)
    for uid in (raised.uid, uuid.uuid4()):
        with pytest.raises(NotFound) as refused:
            async with database.project(charlie.tenant.id) as tx:
                await acknowledge(
                    tx, charlie.tenant.id, uid, charlie.id, tap(start), start + 7 * MINUTE
                )
        assert refused.value.params == {"kind": "alarm"}
    async with database.read(project) as tx:
        assert await list_occurrences(tx, project) == [raised]
        assert (await acknowledgements(tx, project, [raised]))[raised.id] == []


async def test_two_processes_raise_one_occurrence(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """A lease that slipped makes two evaluators; the unique key makes one alarm."""
    project, start = alice.tenant.id, clock.now()
    definition = await silent_definition(database, project, start)
    now = start + 6 * MINUTE
    await asyncio.gather(*(evaluate(database, project, definition, "live", now) for _ in range(6)))
    async with database.read(project) as tx:
        assert len(await list_occurrences(tx, project)) == 1


class Sent:
    """Stands where the channel is called and answers what the test orders."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        self.messages: list[tuple[str, Message]] = []
        self.errors: list[TransportError] = []

    async def __call__(self, recipient: Recipient, message: Message) -> None:
        """Record, or fail as ordered."""
        if self.errors:
            raise self.errors.pop(0)
        self.messages.append((recipient.endpoint, message))


async def raised_with_browser(
    database: Database, alice: Actor, clock: ManualClock
) -> tuple[Outbox, Sent, Occurrence]:
    """An alarm raised while Alice's browser is registered, its push queued."""
    project, start = alice.tenant.id, clock.now()
    async with database.project(project) as tx:
        await register(tx, project, alice.id, REGISTRATION, start)
    definition = await silent_definition(database, project, start)
    await clock.advance(360)
    [raised] = await judge(database, project, definition, clock.now())
    sent = Sent()
    return Outbox(database, clock, sent), sent, raised


async def test_a_push_is_delivered_once(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """One transition, one browser, one message; the second look finds nothing."""
    outbox, sent, _ = await raised_with_browser(database, alice, clock)
    project = alice.tenant
    assert await outbox.deliver_due(project.id, project.slug) == 1
    assert await outbox.deliver_due(project.id, project.slug) == 0
    [(endpoint, message)] = sent.messages
    assert endpoint == REGISTRATION.endpoint
    assert (message.title, message.badge) == ("A meter is silent", 1)
    assert message.data["project"] == project.slug


async def test_case_20_paging_stops_when_somebody_takes_it(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """A push that waits for its retry is not sent after the acknowledgement."""
    outbox, sent, raised = await raised_with_browser(database, alice, clock)
    project = alice.tenant
    sent.errors.append(TransportError("503"))
    assert await outbox.deliver_due(project.id, project.slug) == 1
    assert await outbox.deliver_due(project.id, project.slug) == 0
    async with database.project(project.id) as tx:
        await acknowledge(tx, project.id, raised.uid, alice.id, tap(clock.now()), clock.now())
    await clock.advance(3600)
    assert await outbox.deliver_due(project.id, project.slug) == 1
    assert sent.messages == []
    assert await outbox.deliver_due(project.id, project.slug) == 0


async def test_a_gone_browser_is_forgotten(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """After 410 nothing more is sent there until the app registers again."""
    outbox, sent, _ = await raised_with_browser(database, alice, clock)
    project = alice.tenant
    sent.errors.append(TransportError("gone", gone=True))
    assert await outbox.deliver_due(project.id, project.slug) == 1
    async with database.read(project.id) as tx:
        row = await tx.fetch_one(
            "SELECT s.gone_at, n.state FROM push_subscription s, notification n"
            " WHERE s.project_id = %s AND n.project_id = %s",
            (project.id, project.id),
        )
    assert row == {"gone_at": clock.now(), "state": "failed"}


async def test_a_push_fails_for_good_after_eight_tries(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """Waiting times double up to ten minutes; then the row says failed."""
    outbox, sent, _ = await raised_with_browser(database, alice, clock)
    project = alice.tenant
    sent.errors.extend(TransportError("500") for _ in range(20))
    tries = 0
    for _ in range(40):
        tries += await outbox.deliver_due(project.id, project.slug)
        await clock.advance(600)
    assert tries == 8
    async with database.read(project.id) as tx:
        row = await tx.fetch_one(
            "SELECT state, tries, error FROM notification WHERE project_id = %s", (project.id,)
        )
    assert row == {"state": "failed", "tries": 8, "error": "500"}
