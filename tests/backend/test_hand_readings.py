"""Readings that people enter, on a real PostgreSQL: asked, kept, corrected, audited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import new_uuid
from backend.service.hand.questions import Answer, Question
from backend.service.hand.readings import Entry, Outcome, enter, list_readings, withdraw
from backend.service.hand.registers import HandRegister, hand_register, hand_registers
from backend.service.people.asker import Asker
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import Metered, Plant
from tests.backend.stocks import local
from tests.postgres import NOW, Actor

DAY = timedelta(days=1)
KWH = 1_000_000
TODAY = local("2026-03-15T00:00")


@dataclass(frozen=True, slots=True)
class Round:
    """Somebody who reads one register."""

    plant: Plant
    actor: Actor
    register: HandRegister

    @property
    def asker(self) -> Asker:
        """Who reads."""
        return Asker(self.actor.id, self.actor.uid)

    async def enter(
        self, at: datetime, value: str, answer: Answer | None = None, **more: Decimal
    ) -> Outcome:
        """Enter a reading."""
        async with self.plant.database.project(self.plant.project) as tx:
            entry = Entry(at, Decimal(value), None, answer, **more)
            return await enter(tx, self.plant.project, self.register, entry, self.asker, NOW)

    async def correct(self, uid: UUID | None, value: str | None) -> Outcome:
        """Withdraw a reading, or put another value in its place."""
        instead = None if value is None else Entry(NOW, Decimal(value))
        async with self.plant.database.project(self.plant.project) as tx:
            return await withdraw(tx, self.plant.project, uid, self.asker, NOW, instead)

    async def days(self) -> list[int]:
        """What the accounts of the days say, in kWh."""
        await self.plant.settle()
        rows = await self.plant.accounts(1, self.register.meter_id, 3)
        return [row[1] // KWH for row in rows]


async def make_register(database: Database, actor: Actor, modulus: float | None) -> HandRegister:
    """A meter that people read: 10 kW at most, 10 kWh a count."""
    plant = Plant(database, actor.tenant)
    point = await plant.one(
        "INSERT INTO point (project_id, device_id, name, kind, unit, modulus, resolution,"
        " max_gap_s) VALUES (%s, NULL, 'office', 'register', 'kWh', %s, 0.1, 2678400) RETURNING id",
        modulus,
    )
    uid = new_uuid(NOW)
    await plant.one(
        "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id,"
        " nameplate_per_hour) VALUES (%s, %s, 'office', %s, 'electricity', 3, 'manual', %s, 10)"
        " RETURNING id",
        uid,
        Jsonb({"en": "Office"}),
        point,
    )
    async with database.read(actor.tenant.id) as tx:
        return await hand_register(tx, actor.tenant.id, uid)


@pytest.fixture
async def office(database: Database, alice: Actor) -> Round:
    """Alice reads the office's meter of five digits."""
    register = await make_register(database, alice, 100_000.0)
    return Round(Plant(database, alice.tenant), alice, register)


async def test_readings_by_hand_are_accounted_and_marked(office: Round) -> None:
    for days, value in ((4, "1000"), (3, "1024"), (1, "1060")):
        assert (await office.enter(TODAY - days * DAY, value)).kept is not None
    assert await office.days() == [24, 18, 18]
    rows = await office.plant.accounts(1, office.register.meter_id, 3)
    assert {row[3] for row in rows} == {Quality.MANUAL}


async def test_what_is_doubtful_is_asked_and_nothing_is_kept(office: Round) -> None:
    await office.enter(TODAY - 3 * DAY, "99990")
    # 10 kW x 1.2 x 48 h = 576.
    assert await office.enter(TODAY - DAY, "10") == Outcome(None, (Question.LESS,))
    assert await office.enter(TODAY - DAY, "100566.1") == Outcome(None, (Question.MORE,))
    assert (await office.enter(TODAY - DAY, "100566")).kept is not None
    assert await office.enter(TODAY - 2 * DAY, "100567") == Outcome(
        None, (Question.MORE, Question.AFTER)
    )
    async with office.plant.database.read(office.plant.project) as tx:
        assert len(await list_readings(tx, office.plant.project, office.register.meter_id, 9)) == 2
        assert len(await audit.newest(tx, office.plant.project, audit.Chosen(), first=9)) == 2


async def test_a_wrap_and_an_exchange_are_counted_as_the_person_says(office: Round) -> None:
    await office.enter(TODAY - 4 * DAY, "99990")
    assert (await office.enter(TODAY - 3 * DAY, "14", Answer.WRAPPED)).kept
    assert await office.days() == [24]
    assert (
        await office.enter(
            TODAY - 2 * DAY,
            "5",
            Answer.EXCHANGED,
            final=Decimal(62),
            initial=Decimal("0.5"),
        )
    ).kept
    assert (await office.enter(TODAY - DAY, "29")).kept
    # 62 - 14 of the old meter, 29 - 0.5 of the new one.
    assert sum(await office.days()) == 24 + 48 + 28
    for code, wrong in (
        ("hand_final", {"final": Decimal(28)}),
        ("hand_initial", {"initial": Decimal(4)}),
    ):
        with pytest.raises(InvalidInput, match=code):
            await office.enter(TODAY, "3", Answer.EXCHANGED, **wrong)
    plain = await make_register_without_modulus(office)
    await plain.enter(TODAY - 3 * DAY, "100")
    with pytest.raises(InvalidInput, match="hand_no_modulus"):
        await plain.enter(TODAY - 2 * DAY, "5", Answer.WRAPPED)


async def make_register_without_modulus(office: Round) -> Round:
    """The same register as if nobody knew its digits."""
    async with office.plant.database.project(office.plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET slug = 'old', source = 'register' WHERE project_id = %s",
            (office.plant.project,),
        )
    register = await make_register(office.plant.database, office.actor, None)
    return Round(office.plant, office.actor, register)


async def test_a_wrong_reading_is_excluded_kept_and_replaced(office: Round) -> None:
    await office.enter(TODAY - 3 * DAY, "1000")
    wrong = await office.enter(TODAY - 2 * DAY, "1104")
    await office.enter(TODAY - DAY, "1124")
    assert await office.days() == [104, 20]
    right = await office.correct(wrong.kept, "1014")
    assert right.kept not in {None, wrong.kept}
    assert await office.days() == [14, 110]
    with pytest.raises(Conflict, match="hand_withdrawn"):
        await office.correct(wrong.kept, "1015")
    assert (await office.correct(right.kept, None)).kept == right.kept
    assert await office.days() == [62, 62]
    async with office.plant.database.read(office.plant.project) as tx:
        project = office.plant.project
        rows = await list_readings(tx, project, office.register.meter_id, 9)
        deeds = await audit.newest(tx, project, audit.Chosen(), first=2)
        stored = await tx.fetch_value(
            "SELECT count(*) FROM reading WHERE project_id = %s", (project,), into=int
        )
    assert [(row.value, row.withdrawn_at is not None) for row in rows] == [
        (Decimal(1124), False),
        (Decimal(1014), True),
        (Decimal(1104), True),
        (Decimal(1000), False),
    ]
    assert stored == 4
    assert [deed.action for deed in deeds] == ["hand.withdraw", "hand.correct"]


async def test_what_can_be_no_reading_is_refused(office: Round) -> None:
    await office.enter(TODAY - DAY, "1000")
    refused = {
        "entry_in_the_future": (NOW + timedelta(minutes=6), "1001"),
        "entry_too_old": (local("1970-01-01T08:00"), "1"),
        "entry_number": (TODAY, "Infinity"),
        "hand_value": (TODAY, "1E+308"),
    }
    for code, (at, value) in refused.items():
        with pytest.raises(InvalidInput, match=code):
            await office.enter(at, value)
    for value in ("-1", "NaN"):
        with pytest.raises(InvalidInput, match=r"hand_value|entry_number"):
            await office.enter(TODAY, value)
    with pytest.raises(InvalidInput, match="entry_too_old"):
        await office.enter(local("2001-01-01T00:00"), "1")
    with pytest.raises(Conflict, match="hand_twice"):
        await office.enter(TODAY - DAY, "1000")
    with pytest.raises(NotFound):
        await office.correct(new_uuid(NOW), "1")


async def test_what_is_longest_unread_is_first(office: Round) -> None:
    other = await office.plant.meter()
    assert other != Metered(0, 0)
    async with office.plant.database.read(office.plant.project) as tx:
        (found,) = await hand_registers(tx, office.plant.project)
    assert (found.slug, found.due_at, found.last_value) == ("office", None, None)
    await office.enter(TODAY - DAY, "1000")
    async with office.plant.database.read(office.plant.project) as tx:
        (found,) = await hand_registers(tx, office.plant.project)
    assert (found.due_at, found.last_value) == (TODAY + 30 * DAY, 1000.0)
    assert found.in_energy(Decimal(3)) == 3
