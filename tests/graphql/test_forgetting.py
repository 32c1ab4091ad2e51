"""A person's data told to them, and a person deleted: what must stay names nobody."""

import orjson
import psycopg

from backend.core.clock import ManualClock
from backend.core.tables import metadata
from backend.service.people.personal import PERSONAL, Fate
from tests.graphql.conftest import Ask, Client
from tests.graphql.test_posts import code, told
from tests.postgres import Actor, MakePerson, MakeProject

FORGET = "mutation ($login: String!) { forgetMe(login: $login) }"
PIN = 'mutation { setPin(pin: "314159") }'


async def test_a_person_is_told_what_is_kept_of_them(
    make_project: MakeProject, make_person: MakePerson, client: Client, ask: Ask
) -> None:
    ben = await client(await make_person("ben", await make_project("mill"), role="shift_staff"))
    told(await ask(ben, PIN))
    kept = orjson.loads(
        str(told(await ask(ben, "{ viewer { personalData } }"), "viewer", "personalData"))
    )
    assert kept["person"][0]["login"] == "ben"
    assert kept["memberships"] == [{"project": "mill", "role": "shift_staff", "ends_at": None}]
    assert [one["user_agent"] for one in kept["sessions"]] == ["test"]
    assert [one["action"] for one in kept["mill"]["did"]] == ["pin.set"]
    assert "hash" not in str(kept)


async def test_who_is_deleted_is_nobody_in_what_stays(
    make_project: MakeProject,
    make_person: MakePerson,
    client: Client,
    ask: Ask,
    admin: psycopg.Connection,
) -> None:
    mill = await make_project("mill")
    await make_person("root", mill, role="administrator")
    ben: Actor = await make_person("ben", mill, role="shift_staff")
    own = await client(ben)
    told(await ask(own, PIN))
    assert code(await ask(own, FORGET, {"login": "root"})) == "forget_login"
    assert told(await ask(own, FORGET, {"login": "ben"})) == {"forgetMe": True}
    row = admin.execute(
        "SELECT login, name->>'en', password_hash FROM person WHERE id = %s", (ben.id,)
    ).fetchone()
    assert row == (f"deleted-{ben.id}", "Deleted person", None)
    for held in PERSONAL:
        if held.fate is Fate.GOES and "person_id" in metadata.tables[held.table].columns:
            count = admin.execute(
                f"SELECT count(*) FROM {held.table} WHERE person_id = %s".encode(), (ben.id,)
            ).fetchone()
            assert count == (0,), held.table
    did = admin.execute("SELECT action FROM audit WHERE person_id = %s ORDER BY number", (ben.id,))
    assert did.fetchall() == [("pin.set",), ("member.end",)]
    assert told(await ask(own, "{ viewer { demo } }")) == {"viewer": None}


async def test_the_last_administrator_stays_and_so_does_who_proved_nothing_lately(
    make_project: MakeProject,
    make_person: MakePerson,
    client: Client,
    ask: Ask,
    clock: ManualClock,
) -> None:
    root = await client(await make_person("root", await make_project("mill"), role="administrator"))
    assert code(await ask(root, FORGET, {"login": "root"})) == "last_administrator"
    await clock.advance(3600)
    assert code(await ask(root, FORGET, {"login": "root"})) == "proof_needed"
    assert told(
        await ask(root, "{ viewer { person { login } } }"), "viewer", "person", "login"
    ) == ("root")
