"""Project, nodes, meters, devices and their newest values."""

from tests.graphql.conftest import Ask, Client, MakePlant
from tests.postgres import Actor


async def test_the_tree_and_its_meters(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    answer = await ask(
        await client(alice),
        """{ project(id: "acme") { slug zone role
             nodes { id slug kind name { en zh } parentId energies meterIds }
             meters { id slug unit powerUnit level device { slug verified }
                      register { value unit quality at }
                      power { value deviceId meterId key }
                      values { key value } nodeIds } } }""",
    )
    site = made.nodes["site"].text
    assert answer["data"] == {
        "project": {
            "slug": "acme",
            "zone": "Asia/Shanghai",
            "role": "manager",
            "nodes": [
                {
                    "id": site,
                    "slug": "site",
                    "kind": "site",
                    "name": {"en": "Site", "zh": "厂区"},
                    "parentId": None,
                    "energies": ["electricity"],
                    "meterIds": [made.meters["m0"].text],
                },
                *(
                    {
                        "id": made.nodes[slug].text,
                        "slug": slug,
                        "kind": "workshop",
                        "name": {"en": f"Workshop {slug}", "zh": f"Workshop {slug}"},
                        "parentId": site,
                        "energies": ["electricity"],
                        "meterIds": [made.meters[meter].text],
                    }
                    for slug, meter in (("a", "m1"), ("b", "m2"))
                ),
                {
                    "id": made.nodes["grid"].text,
                    "slug": "grid",
                    "kind": "supply",
                    "name": {"en": "Grid", "zh": "Grid"},
                    "parentId": site,
                    "energies": ["electricity"],
                    "meterIds": [made.meters["m0"].text],
                },
            ],
            "meters": [
                {
                    "id": made.meters[slug].text,
                    "slug": slug,
                    "unit": "kWh",
                    "powerUnit": "kW",
                    "level": level,
                    "device": {"slug": f"d-{slug}", "verified": True},
                    "register": {
                        "value": 1000.0 + made.points[slug, "ep_imp"],
                        "unit": "kWh",
                        "quality": "GOOD",
                        "at": "2026-03-15T03:59:00Z",
                    },
                    "power": {
                        "value": power,
                        "deviceId": made.devices[slug].text,
                        "meterId": made.meters[slug].text,
                        "key": "p",
                    },
                    "values": [
                        {"key": "ep_imp", "value": 1000.0 + made.points[slug, "ep_imp"]},
                        {"key": "p", "value": power},
                    ],
                    "nodeIds": [made.nodes[node].text for node in nodes],
                }
                for slug, level, power, nodes in (
                    ("m0", 1, 300.0, ("site", "grid")),
                    ("m1", 2, 200.0, ("a",)),
                    ("m2", 2, 80.0, ("b",)),
                )
            ],
        }
    }


async def test_one_node_one_meter_devices_and_gateways(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    answer = await ask(
        await client(alice),
        """query ($p: ID!, $n: ID!, $m: ID!) { project(id: $p) {
             node(id: $n) { slug } meter(id: $m) { slug } none: node(id: $m) { slug }
             devices { slug online gatewayId profile meterIds values { key } }
             gateways { slug online lastSeenAt droppedTotal }
             energies { code smallestPerUnit } } }""",
        {
            "p": "acme",
            "n": made.nodes["a"].text,
            "m": made.meters["m2"].text,
        },
    )
    project = answer["data"]["project"]  # type: ignore[index]
    assert project["node"] == {"slug": "a"}
    assert project["meter"] == {"slug": "m2"}
    assert project["none"] is None
    assert project["devices"][0] == {
        "slug": "d-m0",
        "online": True,
        "gatewayId": made.gateway.text,
        "profile": "test/meter",
        "meterIds": [made.meters["m0"].text],
        "values": [{"key": "ep_imp"}, {"key": "p"}],
    }
    assert project["gateways"] == [
        {
            "slug": "g1",
            "online": True,
            "lastSeenAt": "2026-03-15T04:00:00Z",
            "droppedTotal": "0",
        }
    ]
    assert {"code": "electricity", "smallestPerUnit": "1000000"} in project["energies"]


async def test_a_stranger_gets_what_nobody_gets(
    client: Client, ask: Ask, alice: Actor, charlie: Actor, plant: MakePlant
) -> None:
    await plant(alice.tenant)
    stranger = await client(charlie)
    query = "query ($p: ID!) { project(id: $p) { nodes { id } } }"
    assert await ask(stranger, query, {"p": "acme"}) == {"data": {"project": None}}
    assert await ask(stranger, query, {"p": "nothing"}) == {"data": {"project": None}}
    assert await ask(await client(), query, {"p": "acme"}) == {"data": {"project": None}}
