"""Shared devices: enrolled to a post, taken by badge or PIN, and every act carries the person."""

from dataclasses import dataclass

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from backend.core.clock import ManualClock
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.alarms.store import raise_occurrence
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant, make_plant
from tests.postgres import NOW, Actor, MakePerson, MakeProject

MAKE = """mutation ($role: String! = "shift_staff", $part: ID, $idle: Int! = 600) {
  makeSharedDevice(input: { project: "mill", name: "Furnace 1", role: $role, part: $part,
  idleS: $idle }) { code link qr device { id name holder { login } } } }"""
ENROL = "mutation ($code: String!) { enrolDevice(code: $code) { id name idleS } }"
POST = "{ post { name people { id name { en } } } }"
TAKE = """mutation ($badge: String, $person: ID, $pin: String) {
  takePost(input: { badge: $badge, person: $person, pin: $pin }) { person tap } }"""
BADGE = 'mutation ($person: ID!) { makeBadge(project: "mill", person: $person) { qr qrSize } }'
PIN = "mutation ($pin: String!) { setPin(pin: $pin) }"
STAY = "mutation { stayAtPost }"
DEVICES = """{ project(id: "mill") { sharedDevices { id enrolledAt revokedAt heldSince
  holder { login } } takingMeans { person { login } badgeSince pinSince } } }"""
FREE = 'mutation ($id: ID!) { freeSharedDevice(project: "mill", id: $id) { id } }'
END = 'mutation ($id: ID!) { endSharedDevice(project: "mill", id: $id) { revokedAt } }'
MINE = """{ viewer { person { login } post { name } }
  project(id: "mill") { permissions nodes { slug } } }"""
ACK = (
    """mutation ($input: AcknowledgeInput!) { acknowledge(input: $input) { result effectiveAt } }"""
)
ACKED = "SELECT person_id, effective_at FROM alarm_ack ORDER BY received_at, key"


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""So that these tests measure nothing of argon2id."""


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


def told(answer: dict[str, object], *way: str | int) -> object:
    """What was answered, or what is found in it along a way; there is no error."""
    assert "errors" not in answer, answer
    found: object = answer["data"]
    for step in way:
        if isinstance(step, int):
            assert isinstance(found, list)
            found = found[step]
        else:
            assert isinstance(found, dict)
            found = found[step]
    return found


@dataclass(frozen=True, slots=True)
class Mill:
    """The mill with its people: an administrator, and two of the shift, of whom each has a PIN."""

    plant: Plant
    root: Actor
    ann: Actor
    ben: Actor
    boss: httpx.AsyncClient

    def part(self, slug: str) -> str:
        """A place's identity."""
        return self.plant.nodes[slug].text


@pytest.fixture
async def mill(
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
    client: Client,
) -> Mill:
    tenant = await make_project("mill")
    plant = await make_plant(platform, tenant)
    root = await make_person("root", tenant, role="administrator")
    ann = await make_person("ann", tenant, role="manager")
    ben = await make_person("ben", tenant, role="shift_staff", node=plant.nodes["a"].id)
    async with platform.database.platform() as tx:
        for person, pin in ((ann, "271828"), (ben, "314159")):
            await tx.execute(
                "INSERT INTO person_pin (person_id, pin_hash, set_at) VALUES (%s, %s, %s)",
                (person.id, CHEAP.hash(pin), NOW),
            )
    return Mill(plant, root, ann, ben, await client(root))


async def enrolled(mill: Mill, client: Client, ask: Ask, **wanted: object) -> httpx.AsyncClient:
    """A device enrolled to a post of the mill."""
    made = await ask(mill.boss, MAKE, wanted)
    code = told(made, "makeSharedDevice", "code")
    assert str(told(made, "makeSharedDevice", "link")).endswith(f"/post#{code}")
    device = await client()
    told(await ask(device, ENROL, {"code": code}))
    return device


async def taken(device: httpx.AsyncClient, ask: Ask, person: Actor, pin: str) -> str:
    """Somebody takes a device with their PIN: the secret of its taps."""
    answer = await ask(device, TAKE, {"person": person.text, "pin": pin})
    assert told(answer, "takePost", "person") == person.text
    return str(told(answer, "takePost", "tap"))


async def alarm(platform: Platform, plant: Plant) -> str:
    """An open alarm at workshop a."""
    async with platform.database.project(plant.tenant.id) as tx:
        definition = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, meter_id, params, priority,"
            " mode, created_at) VALUES (%s, %s, 'meter_silent', '{}', %s, '{}', 2, 'live', %s)"
            " RETURNING id",
            (plant.tenant.id, new_uuid(NOW), plant.meters["m1"].id, NOW),
            into=int,
        )
        assert definition is not None
        raised = await raise_occurrence(tx, plant.tenant.id, definition, NOW, {}, 2, NOW)
        assert raised is not None
    return encode_id("alm", raised)


def tapped(alarm: str, at: object, tap: str, number: int = 1) -> dict[str, object]:
    """A tap as the device kept it."""
    key = f"0195e2a4-0000-7000-8000-00000000000{number}"
    said = {"project": "mill", "alarm": alarm, "key": key, "deviceTime": str(at)}
    return {"input": {**said, "channel": "offline", "tap": tap}}


async def test_a_code_is_good_once_and_shows_nothing_of_the_plant(
    mill: Mill, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    made = await ask(mill.boss, MAKE, {})
    once, device = str(told(made, "makeSharedDevice", "code")), await client()
    assert told(await ask(device, POST)) == {"post": None}
    assert told(await ask(device, ENROL, {"code": once.lower()}), "enrolDevice") == {
        "id": told(made, "makeSharedDevice", "device", "id"),
        "name": "Furnace 1",
        "idleS": 600,
    }
    assert code(await ask(await client(), ENROL, {"code": once})) == "post_code_wrong"
    assert told(await ask(device, POST), "post") == {
        "name": "Furnace 1",
        "people": [
            {"id": mill.ann.text, "name": {"en": "Ann"}},
            {"id": mill.ben.text, "name": {"en": "Ben"}},
        ],
    }
    assert told(await ask(device, MINE)) == {"viewer": None, "project": None}
    kept = str(admin.execute("SELECT shared_device::text FROM shared_device").fetchone())
    assert once[-14:] not in kept
    assert device.cookies["kilowise-post"] not in kept


async def test_whoever_takes_it_may_what_both_the_post_and_they_may(
    mill: Mill, client: Client, ask: Ask
) -> None:
    device = await enrolled(mill, client, ask, part=mill.part("a"))
    # A manager at a post of the shift staff.
    project = {"permissions": ["READ", "ACKNOWLEDGE", "RECORD"], "nodes": [{"slug": "a"}]}
    for person, login, pin in ((mill.ann, "ann", "271828"), (mill.ben, "ben", "314159")):
        await taken(device, ask, person, pin)
        assert told(await ask(device, MINE)) == {
            "viewer": {"person": {"login": login}, "post": {"name": "Furnace 1"}},
            "project": project,
        }
    # What is the person's own is not done here.
    assert code(await ask(device, PIN, {"pin": "112358"})) == "not_at_post"
    assert code(await ask(device, "{ viewer { sessions { id } } }")) == "not_at_post"


async def test_a_post_of_the_whole_plant_opens_no_more_than_the_persons_own_part(
    mill: Mill, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    device = await enrolled(mill, client, ask)
    await taken(device, ask, mill.ben, "314159")
    nodes = {"nodes": [{"slug": "a"}], "permissions": ["READ", "ACKNOWLEDGE", "RECORD"]}
    assert told(await ask(device, MINE), "project") == nodes
    # Moved to another part, nothing is left of what was taken.
    admin.execute(
        "UPDATE membership SET node_id = %s WHERE person_id = %s",
        (mill.plant.nodes["b"].id, mill.ben.id),
    )
    assert told(await ask(device, MINE), "project") is None
    other = await enrolled(mill, client, ask, part=mill.part("a"))
    answer = await ask(other, TAKE, {"person": mill.ben.text, "pin": "314159"})
    assert code(answer) == "post_elsewhere"


async def test_a_badge_takes_devices_of_its_project_until_it_ends(
    mill: Mill, client: Client, ask: Ask, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    def drawn(text: str) -> tuple[str, int]:
        texts.append(text)
        return "", 1

    monkeypatch.setattr("backend.application.graphql.posts.drawn", drawn)
    told(await ask(mill.boss, BADGE, {"person": mill.ben.text}))
    device = await enrolled(mill, client, ask)
    [badge] = [one for one in texts if one.startswith("kwb_")]
    assert told(await ask(device, TAKE, {"badge": badge}), "takePost", "person") == mill.ben.text
    # Without an enrolled device it is worth nothing.
    assert code(await ask(await client(), TAKE, {"badge": badge})) == "not_found"
    told(await ask(mill.boss, BADGE, {"person": mill.ben.text}))
    assert code(await ask(device, TAKE, {"badge": badge})) == "badge_wrong"
    assert badge not in str(admin.execute("SELECT person_badge::text FROM person_badge").fetchall())
    answer = await ask(
        mill.boss, f'mutation {{ endBadge(project: "mill", person: "{mill.ben.text}") }}'
    )
    assert told(answer) == {"endBadge": True}
    assert code(await ask(device, TAKE, {"badge": texts[-1]})) == "badge_wrong"


async def test_wrong_pins_make_one_person_wait_at_one_device(
    mill: Mill, client: Client, ask: Ask
) -> None:
    device, other = await enrolled(mill, client, ask), await enrolled(mill, client, ask)
    wrong = {"person": mill.ben.text, "pin": "000001"}
    assert [code(await ask(device, TAKE, wrong)) for _ in range(5)] == ["pin_wrong"] * 5
    right = {"person": mill.ben.text, "pin": "314159"}
    assert code(await ask(device, TAKE, right)) == "sign_in_wait"
    await taken(device, ask, mill.ann, "271828")
    await taken(other, ask, mill.ben, "314159")
    nobody = encode_id("per", new_uuid(NOW))
    assert code(await ask(other, TAKE, {"person": nobody, "pin": "314159"})) == "pin_wrong"
    assert code(await ask(other, TAKE, {"person": mill.root.text, "pin": "1"})) == "pin_wrong"


async def test_a_pin_takes_guessing(
    mill: Mill, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    ann = await client(mill.ann)
    for pin, expected in (
        ("12345", "pin_form"),
        ("12345a", "pin_form"),
        ("\u0661\u0662\u0663\u0664\u0665\u0667", "pin_form"),
        ("777777", "pin_guessed"),
        ("456789", "pin_guessed"),
        ("210987", "pin_guessed"),
    ):
        assert code(await ask(ann, PIN, {"pin": pin})) == expected
    assert told(await ask(ann, PIN, {"pin": "161803"})) == {"setPin": True}
    assert admin.execute("SELECT action, person_id FROM audit").fetchall() == [
        ("pin.set", mill.ann.id)
    ]
    device = await enrolled(mill, client, ask)
    assert code(await ask(device, TAKE, {"person": mill.ann.text, "pin": "271828"})) == "pin_wrong"
    await taken(device, ask, mill.ann, "161803")


async def test_a_tap_stays_with_who_tapped_although_somebody_else_holds_the_device(
    mill: Mill,
    platform: Platform,
    client: Client,
    ask: Ask,
    clock: ManualClock,
    admin: psycopg.Connection,
) -> None:
    raised = await alarm(platform, mill.plant)
    device = await enrolled(mill, client, ask)
    first = await taken(device, ask, mill.ben, "314159")
    await clock.advance(60)
    at = clock.now().isoformat()
    await clock.advance(60)
    await taken(device, ask, mill.ann, "271828")
    answer = await ask(device, ACK, tapped(raised, at, first))
    assert told(answer, "acknowledge", "effectiveAt") == at.replace("+00:00", "Z")
    assert [row[0] for row in admin.execute(ACKED).fetchall()] == [mill.ben.id]
    # Ann is still who holds it, and nothing is tapped for Ben after he left.
    assert told(await ask(device, MINE), "viewer", "person") == {"login": "ann"}
    await clock.advance(1)
    now = clock.now().isoformat()
    late = tapped(raised, now, first, 2)
    assert code(await ask(device, ACK, late)) == "tap_unproved"
    assert code(await ask(await client(mill.ann), ACK, tapped(raised, at, first, 3))) == (
        "tap_unproved"
    )
    told(await ask(device, "mutation { signOut }"))
    # With nobody signed in the device still brings what waits.
    assert told(await ask(device, ACK, tapped(raised, at, first, 4)), "acknowledge", "result") == (
        "LATER"
    )
    assert len(admin.execute(ACKED).fetchall()) == 2


async def test_a_tap_is_not_believed_for_ever(
    mill: Mill, platform: Platform, client: Client, ask: Ask, clock: ManualClock
) -> None:
    raised = await alarm(platform, mill.plant)
    device = await enrolled(mill, client, ask)
    tap, at = await taken(device, ask, mill.ben, "314159"), clock.now().isoformat()
    await clock.advance(14 * 3600)
    beyond = clock.now().isoformat()
    assert code(await ask(device, ACK, tapped(raised, beyond, tap))) == "tap_unproved"
    told(await ask(device, ACK, tapped(raised, at, tap)))
    await clock.advance(7 * 86_400)
    assert code(await ask(device, ACK, tapped(raised, at, tap, 2))) == "tap_unproved"


async def test_a_session_ends_when_nobody_touches_the_device(
    mill: Mill, client: Client, ask: Ask, clock: ManualClock
) -> None:
    device = await enrolled(mill, client, ask, idle=300)
    await taken(device, ask, mill.ben, "314159")
    for _ in range(3):
        await clock.advance(200)
        assert told(await ask(device, STAY), "stayAtPost") is not None
    await clock.advance(301)
    assert told(await ask(device, MINE), "viewer") is None
    # On one's own device nothing ends so soon.
    assert told(await ask(await client(mill.ben), STAY)) == {"stayAtPost": None}


async def test_administrators_see_who_holds_what_and_end_it(
    mill: Mill, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    device = await enrolled(mill, client, ask)
    await taken(device, ask, mill.ben, "314159")
    seen = await ask(mill.boss, DEVICES)
    assert told(seen, "project", "sharedDevices", 0, "holder") == {"login": "ben"}
    id = told(seen, "project", "sharedDevices", 0, "id")
    since = NOW.isoformat().replace("+00:00", "Z")
    assert told(seen, "project", "takingMeans") == [
        {"person": {"login": login}, "badgeSince": None, "pinSince": pin}
        for login, pin in (("root", None), ("ann", since), ("ben", since))
    ]
    told(await ask(mill.boss, FREE, {"id": id}))
    assert told(await ask(device, MINE), "viewer") is None
    seen = await ask(mill.boss, DEVICES)
    assert told(seen, "project", "sharedDevices", 0, "holder") is None
    ended = admin.execute("SELECT count(*) FROM event WHERE kind = 'session'").fetchone()
    assert ended == (1,)
    await taken(device, ask, mill.ben, "314159")
    told(await ask(mill.boss, END, {"id": id}))
    assert told(await ask(device, MINE), "viewer") is None
    assert told(await ask(device, POST)) == {"post": None}
    done = admin.execute("SELECT action FROM audit ORDER BY number").fetchall()
    assert [row[0] for row in done] == [
        *("post.make", "post.enrol", "post.take"),
        *("post.free", "post.take", "post.end"),
    ]


async def test_what_a_post_is_to_be_is_checked(mill: Mill, client: Client, ask: Ask) -> None:
    assert code(await ask(mill.boss, MAKE, {"idle": 5})) == "post_idle"
    assert code(await ask(mill.boss, MAKE, {"role": "nobody"})) == "not_found"
    assert code(await ask(await client(mill.ann), MAKE, {})) == "not_allowed"
    # Nobody makes a post of more than they have.
    role = """mutation { setRole(input: { project: "mill", nameEn: "Front desk",
      permissions: [READ, PEOPLE] }) { slug } }"""
    told(await ask(mill.boss, role))
    member = f"""mutation {{ setMember(input: {{ project: "mill", person: "{mill.ann.text}",
      role: "front_desk" }}) {{ role }} }}"""
    told(await ask(mill.boss, member))
    assert code(await ask(await client(mill.ann), MAKE, {"role": "manager"})) == "gives_more"
