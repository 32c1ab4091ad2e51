"""The demo project made from its template, on a real PostgreSQL as the real roles."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx
import pytest
from argon2 import PasswordHasher

from backend.acquisition.credentials import broker_folder, gateway_secret, verify_secret
from backend.aggregation.calendar import plant_time
from backend.aggregation.operating import State, resolve
from backend.aggregation.plant_states import read_entries, read_rules
from backend.aggregation.tariff import parse_rules, slots
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.errors import OperatingError
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.demo import PASSWORD, people_allowed, seed
from backend.service.projects import answer
from backend.service.projects.create import create_project
from backend.service.projects.shifts import pattern_of
from backend.service.projects.template import read_template
from gateway.contract.demo import STATE_FILE
from gateway.contract.profile_file import find_profile
from gateway.simulator.control import Controller, serve_control
from gateway.simulator.plant_file import read_plant
from gateway.simulator.scenario import Scenario
from gateway.simulator.simulation import Identity, build_field
from gateway.simulator.story import site_kw, story_events
from gateway.simulator.workdays import TEAMS, DayKind, day_kind, first_block
from gateway.simulator.workdays import team_of as plant_team_of

ZONE = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
TABLES = (
    "tree", "node", "gateway", "device", "meter", "node_meter", "conversion", "supply_contract",
    "shed_item", "shift_pattern", "operating_state", "shift_period", "tariff", "factor",
    "alarm_definition",
)  # fmt: skip


async def counts(database: Database, project_id: int) -> dict[str, int]:
    found = {}
    async with database.read(project_id) as tx:
        for table in TABLES:
            rows = await tx.fetch_tuples(
                f"SELECT count(*) FROM {table} WHERE project_id = %s".encode(), (project_id,)
            )
            found[table] = int(rows[0][0])
    return found


async def test_a_project_is_made_whole_and_made_again_without_change(
    database: Database, clock: ManualClock
) -> None:
    project_id = await create_project(database, clock, "qichuan", "demo")
    first = await counts(database, project_id)
    assert first | {"shift_period": 0} == {
        "tree": 3,
        "node": 49,
        "gateway": 1,
        "device": 34,
        "meter": 43,
        "node_meter": 91,
        "conversion": 6,
        "supply_contract": 1,
        "shed_item": 5,
        "shift_pattern": 3,
        "operating_state": 10,
        "shift_period": 0,
        "tariff": 3,
        "factor": 13,
        "alarm_definition": 4,
    }
    assert await create_project(database, clock, "qichuan", "demo") == project_id
    assert await counts(database, project_id) == first
    await clock.advance(86_400)
    assert await create_project(database, clock, "qichuan", "demo") == project_id
    later = await counts(database, project_id)
    assert later["shift_period"] > first["shift_period"]
    assert later | {"shift_period": 0} == first | {"shift_period": 0}


async def test_the_site_takes_from_the_grid_and_its_own_roof(
    database: Database, clock: ManualClock
) -> None:
    project_id = await create_project(database, clock, "qichuan", "demo")
    async with database.read(project_id) as tx:
        rows = await tx.fetch_tuples(
            "SELECT n.slug, m.slug FROM node n"
            " JOIN node_meter nm ON nm.project_id = %(p)s AND nm.node_id = n.id"
            " JOIN meter m ON m.project_id = %(p)s AND m.id = nm.meter_id"
            " WHERE n.project_id = %(p)s AND m.energy = 'electricity'"
            " AND n.slug IN ('qichuan', 'grid')",
            {"p": project_id},
        )
        nameplate = await tx.fetch_value(
            "SELECT nameplate_per_hour FROM meter WHERE project_id = %s AND slug = 'furnace-1'",
            (project_id,),
            into=int,
        )
    taken = {node: {meter for n, meter in rows if n == node} for node, _ in rows}
    assert taken["grid"] == {"incomer-1", "incomer-2"}
    assert taken["qichuan"] == {"incomer-1", "incomer-2", "pv-east", "pv-west"}
    assert nameplate == 2_000


async def test_the_demo_has_three_trees_over_the_same_meters(
    database: Database, clock: ManualClock
) -> None:
    project_id = await create_project(database, clock, "qichuan", "demo")
    async with database.read(project_id) as tx:
        shares = await tx.fetch_tuples(
            "SELECT n.tree, n.slug, nm.coefficient FROM node_meter nm"
            " JOIN node n ON n.project_id = %(p)s AND n.id = nm.node_id"
            " JOIN meter m ON m.project_id = %(p)s AND m.id = nm.meter_id"
            " WHERE nm.project_id = %(p)s AND m.slug IN ('compressor-1', 'pv-east')"
            " ORDER BY n.tree, n.slug",
            {"p": project_id},
        )
        chain = await tx.fetch_tuples(
            "SELECT h.slug, t.slug, f.slug FROM node f"
            " JOIN node t ON t.project_id = %(p)s AND t.id = f.parent_id"
            " JOIN node h ON h.project_id = %(p)s AND h.id = t.parent_id"
            " WHERE f.project_id = %(p)s AND f.tree = 'electrical' AND h.parent_id IS NULL"
            " AND t.slug = 'tr-4' ORDER BY f.slug",
            {"p": project_id},
        )
    assert shares == [
        ("cost-centres", "cc-castings", Decimal("0.6")),
        ("cost-centres", "cc-parts", Decimal("0.4")),
        ("electrical", "f-pv-east", Decimal(-1)),
        ("electrical", "tr-2", Decimal(-1)),
        ("organisation", "compressor-1", Decimal(1)),
        ("organisation", "compressors", Decimal(1)),
        ("organisation", "qichuan", Decimal(1)),
        ("organisation", "roof", Decimal(1)),
    ]
    feeders = ("f-machining", "f-pv-west", "f-utilities")
    assert chain == [("hv-2", "tr-4", feeder) for feeder in feeders]


async def test_what_people_changed_stays_at_the_next_start(
    database: Database, clock: ManualClock
) -> None:
    project_id = await create_project(database, clock, "qichuan", "demo")
    async with database.project(project_id) as tx:
        await tx.execute(
            'UPDATE node SET name = \'{"en": "Melting shop"}\' WHERE project_id = %s'
            " AND slug = 'foundry'",
            (project_id,),
        )
        await tx.execute(
            "UPDATE node_meter SET valid_to = '2026-03-15T06:00Z' WHERE project_id = %s"
            " AND coefficient = 0.6",
            (project_id,),
        )
    await create_project(database, clock, "qichuan", "demo")
    async with database.read(project_id) as tx:
        name = await tx.fetch_value(
            "SELECT name ->> 'en' FROM node WHERE project_id = %s AND slug = 'foundry'",
            (project_id,),
            into=str,
        )
        ended = await tx.fetch_value(
            "SELECT count(*) FROM node_meter WHERE project_id = %s AND valid_to IS NOT NULL",
            (project_id,),
            into=int,
        )
    assert (name, ended) == ("Melting shop", 1)


def test_every_meter_of_the_template_is_read_by_the_plant() -> None:
    plant, template = read_plant("qichuan"), read_template("qichuan")
    profiles = {device.slug: find_profile(device.profile) for device in plant.devices}
    for slug, meter in template.meters.items():
        profile = profiles[meter.device]
        register, power = template.points[meter.energy]
        assert profile.energy == meter.energy, slug
        assert profile.point(meter.point(register)).kind == "register"
        assert profile.point(meter.point(power)).unit
    assert {meter.device for meter in template.meters.values()} == set(profiles)


def test_teams_are_those_of_the_plant() -> None:
    shifts = read_template("qichuan").shifts
    site = pattern_of(shifts["qichuan"])
    for number in range(730):
        day = date(2026, 1, 1) + timedelta(days=number)
        block = first_block(day)
        for slot, name in enumerate(("night", "day", "evening")):
            assert site.teams_on(day)[name] == TEAMS[plant_team_of(block + slot)]


async def test_stops_are_those_of_the_plant(database: Database, clock: ManualClock) -> None:
    project_id = await create_project(database, clock, "qichuan", "demo")
    plant = plant_time("Asia/Shanghai", 0)
    first, last = date(2026, 1, 1), date(2028, 1, 1)
    async with database.read(project_id) as tx:
        rules = await read_rules(tx, project_id)
        entries = await read_entries(tx, project_id, plant.start_of(first), plant.start_of(last))
        [site] = {entry.node_id for entry in entries}
    stretches = resolve(plant, (site,), entries, rules, first, last)
    for number, stretch in enumerate(stretches):
        day = first + timedelta(days=number)
        assert (stretch.state is State.WORK) == (day_kind(day) is DayKind.WORK), day
    assert len(stretches) == 730


async def test_shifts_are_bounds_in_utc(database: Database, clock: ManualClock) -> None:
    project_id = await create_project(database, clock, "qichuan", "demo")
    # A Saturday that is worked, and the Sunday after it.
    async with database.read(project_id) as tx:
        rows = await tx.fetch_tuples(
            "SELECT n.slug, s.start_ts, s.end_ts, s.shift FROM shift_period s JOIN node n"
            " ON n.project_id = %(p)s AND n.id = s.node_id WHERE s.project_id = %(p)s"
            " AND s.day BETWEEN '2026-03-14' AND '2026-03-15' ORDER BY 1, 2",
            {"p": project_id},
        )
    told = [
        f"{node} {start + 8 * HOUR:%d %H:%M}-{end + 8 * HOUR:%H:%M} {shift}".strip()
        for node, start, end, shift in rows
    ]
    assert told == [
        "machining 14 00:00-08:00",
        "machining 14 08:00-16:00 day",
        "machining 14 16:00-00:00 evening",
        "machining 15 00:00-00:00",
        "paint 14 00:00-06:30",
        "paint 14 06:30-16:00 day",
        "paint 14 16:00-00:00 evening",
        "paint 15 00:00-00:00",
        "qichuan 14 00:00-08:00 night",
        "qichuan 14 08:00-16:00 day",
        "qichuan 14 16:00-00:00 evening",
        "qichuan 15 00:00-00:00",
    ]


def test_tariffs_price_every_quarter_hour() -> None:
    template = read_template("qichuan")
    rules = parse_rules(template.tariffs[0].rules)
    start = datetime(2026, 11, 22, 16, tzinfo=UTC)
    found = list(slots(rules, ZONE, start, start + timedelta(days=1)))
    assert len(found) == 96
    assert Counter(slot.band for slot in found) == {
        "valley": 24, "deep": 8, "flat": 24, "peak": 36, "sharp": 4,
    }  # fmt: skip
    assert all("unconfirmed" in tariff.source for tariff in template.tariffs)


async def test_the_seed_makes_people_on_loopback_only(platform: Platform) -> None:
    inside = replace(platform, settings=platform.settings.model_copy(update={"demo": True}))
    outside = replace(inside, settings=inside.settings.model_copy(update={"bind": "192.0.2.1"}))
    await seed(outside)
    assert await people(platform.database) == {}
    await seed(inside)
    made = await people(platform.database)
    assert {login: role for login, (role, _) in made.items()} == {
        "manager": "manager", "shift": "shift_leader", "admin": "administrator",
    }  # fmt: skip
    assert PasswordHasher().verify(made["shift"][1], PASSWORD)
    await seed(inside)
    assert await people(platform.database) == made


async def people(database: Database) -> dict[str, tuple[str, str]]:
    async with database.platform_read() as tx:
        rows = await tx.fetch_tuples(
            "SELECT login, role, password_hash FROM person p"
            " JOIN membership m ON m.person_id = p.id WHERE p.demo"
        )
    return {login: (role, held) for login, role, held in rows}


async def test_the_seed_gives_the_gateway_the_secret_kept_on_this_machine(
    platform: Platform,
) -> None:
    await seed(platform)
    await seed(platform)
    secret = gateway_secret(broker_folder(platform.settings.data_folder), "demo.gateway-1")
    async with platform.database.platform_read() as tx:
        number = await tx.fetch_value("SELECT id FROM project WHERE slug = 'demo'", into=int)
    assert number is not None
    async with platform.database.read(number) as tx:
        held = await tx.fetch_value(
            "SELECT credential_hash FROM gateway WHERE project_id = %s", (number,), into=str
        )
    assert held is not None
    assert verify_secret(secret, held)


@pytest.mark.parametrize(
    ("demo", "bind", "phone", "allowed"),
    [
        (True, "127.0.0.1", False, True),
        (True, "::1", False, True),
        (True, "0.0.0.0", False, False),
        (True, "0.0.0.0", True, True),
        (False, "127.0.0.1", False, False),
        (True, "plant.example", False, False),
    ],
)
def test_where_demo_people_may_exist(demo: bool, bind: str, phone: bool, allowed: bool) -> None:
    settings = Settings().model_copy(update={"demo": demo, "bind": bind, "phone": phone})
    assert people_allowed(settings) is allowed


def test_an_unknown_template_is_a_sentence() -> None:
    with pytest.raises(
        OperatingError, match="there are building, cement, chemical, machinery, qichuan"
    ):
        read_template("nix")


async def test_who_takes_the_demand_alarm_sheds_the_load_of_the_story(
    platform: Platform, clock: ManualClock
) -> None:
    folder = platform.settings.data_folder
    project_id = await create_project(platform.database, clock, "qichuan", "demo")
    field = build_field(Identity("qichuan", 1, "2026-11-23"), clock, bench=False)
    control = await serve_control(Controller(field, folder / "events.jsonl", dict))
    port = control.sockets[0].getsockname()[1]
    (folder / STATE_FILE).write_text(json.dumps({"control": port}))
    async with control, httpx.AsyncClient(trust_env=False) as client:
        assert await answer.shed(folder, client) is False
        begun = story_events(field.plant, field.now())
        field.set_scenario(Scenario(begun))
        told = site_kw(field.plant, field.now())
        before = clock.now()
        assert await answer.taken_at(platform, before) is None
        await clock.advance(180)
        await take_alarm(platform.database, project_id, clock.now())
        assert await answer.taken_at(platform, before) == clock.now()
        assert await answer.taken_at(platform, clock.now()) is None
        assert site_kw(field.plant, field.now()) > max(told, 4410)
        assert await answer.shed(folder, client) is True
        assert site_kw(field.plant, field.now()) < 4200
        assert await answer.shed(folder, client) is False


async def take_alarm(database: Database, project_id: int, now: datetime) -> None:
    async with database.project(project_id) as tx:
        await tx.execute(
            "INSERT INTO alarm_transition (project_id, definition_id, occurrence_number, step,"
            " state, cause, at, recorded_at)"
            " SELECT %s, id, 1, 2, 'ACKED', 'ack', %s, %s FROM alarm_definition"
            " WHERE project_id = %s AND kind = 'demand_forecast'",
            (project_id, now, now, project_id),
        )
