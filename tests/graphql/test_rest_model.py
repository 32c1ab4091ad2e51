"""What a plant is, by REST: pages, single things, and what is refused."""

from backend.core.ids import encode_id
from backend.core.platform import Platform
from tests.graphql.conftest import Client
from tests.graphql.plants import make_plant
from tests.graphql.walk.scene import make_scene
from tests.postgres import Actor, MakePerson

AT = "/api/v1"


async def test_the_model_is_told_in_pages(platform: Platform, client: Client, alice: Actor) -> None:
    made = await make_plant(platform, alice.tenant)
    opened = await client(alice)
    [project] = (await opened.get(f"{AT}/projects")).json()
    assert (project["slug"], project["zone"], project["role"]) == (
        "acme",
        "Asia/Shanghai",
        "manager",
    )
    first = (await opened.get(f"{AT}/nodes?project=acme&first=3")).json()
    second = (await opened.get(f"{AT}/nodes?project=acme&first=3&after={first['next']}")).json()
    assert [one["slug"] for one in first["items"] + second["items"]] == ["site", "a", "b", "grid"]
    assert second["next"] is None
    site = made.nodes["site"].text
    assert first["items"][1]["parent"] == site
    assert (await opened.get(f"{AT}/nodes/{site}?project=acme")).json() == first["items"][0]
    meters = (await opened.get(f"{AT}/meters?project=acme&energy=electricity")).json()["items"]
    assert [one["slug"] for one in meters] == ["m0", "m1", "m2"]
    assert meters[1]["device"] == made.devices["m1"].text
    assert (meters[1]["register_point"], meters[1]["power_point"]) == ("ep_imp", "p")
    meter = meters[1]["id"]
    assert (await opened.get(f"{AT}/meters/{meter}?project=acme")).json() == meters[1]
    assert (await opened.get(f"{AT}/meters?project=acme&energy=steam")).json()["items"] == []
    counts = (await opened.get(f"{AT}/memberships?project=acme&first=500")).json()["items"]
    assert {(one["node"], one["meter"]) for one in counts} >= {(made.nodes["a"].text, meter)}
    [gateway] = (await opened.get(f"{AT}/gateways?project=acme")).json()["items"]
    assert (gateway["id"], gateway["slug"], gateway["online"]) == (made.gateway.text, "g1", True)
    devices = (await opened.get(f"{AT}/devices?project=acme&first=1")).json()
    assert devices["items"][0]["points"] == [
        {"name": "ep_imp", "kind": "register", "unit": "kWh", "max_gap_s": 900, "write": None},
        {"name": "p", "kind": "gauge", "unit": "kW", "max_gap_s": 900, "write": None},
    ]
    assert devices["next"] is not None
    for path in (
        f"nodes/{meter}",
        "nodes/x",
        f"meters/{site}",
        f"meters/{encode_id('mtr', alice.uid)}",
    ):
        response = await opened.get(f"{AT}/{path}?project=acme")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    response = await opened.get(f"{AT}/nodes?project=acme&after=x")
    assert (response.status_code, response.json()["code"]) == (422, "cursor")
    assert response.json()["next"] == "errors.cursor.next"


async def test_rules_alarms_and_people(
    platform: Platform, client: Client, alice: Actor, make_person: MakePerson
) -> None:
    boss = await make_person("root", alice.tenant, role="administrator")
    scene = await make_scene(platform, boss, alice)
    opened = await client(boss)
    [period] = (
        await opened.get(f"{AT}/periods?project=acme&period=DAY&{scene.names['query']}")
    ).json()
    assert period == {
        "start": "2026-03-14T16:00:00Z",
        "end": "2026-03-15T16:00:00Z",
        "label": "2026-03-15",
    }
    energies = {
        one["code"]: one for one in (await opened.get(f"{AT}/energies?project=acme")).json()
    }
    assert (energies["electricity"]["unit"], energies["electricity"]["smallest_per_unit"]) == (
        "kWh",
        1_000_000,
    )
    [factor] = (await opened.get(f"{AT}/factors?project=acme")).json()
    assert (factor["id"], factor["value"]) == (scene.names["factor"], "0.1229")
    assert (await opened.get(f"{AT}/tariffs?project=acme")).json() == []
    [watched] = (await opened.get(f"{AT}/alarm-definitions?project=acme")).json()
    assert (watched["kind"], watched["node"]) == ("meter_silent", scene.names["node"])
    page = (await opened.get(f"{AT}/alarms?project=acme&first=1")).json()
    [alarm] = page["items"]
    assert (alarm["id"], alarm["state"], alarm["meter"]) == (
        scene.names["alarm"],
        "UNACK",
        scene.names["meter"],
    )
    assert [(step["step"], step["cause"]) for step in alarm["transitions"]] == [(1, "raise")]
    assert page["next"] is None
    path = f"{AT}/alarms/{alarm['id']}?project=acme"
    assert (await opened.get(path)).json() == alarm
    people = (await opened.get(f"{AT}/people?project=acme")).json()["items"]
    assert {one["login"]: one["role"] for one in people} == {
        "root": "administrator",
        "alice": "manager",
    }
    refused = await (await client(alice)).get(f"{AT}/people?project=acme")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
