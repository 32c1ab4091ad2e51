"""Configurations and profiles by GraphQL and REST: who may, versions, comparing, going back."""

import pytest

from backend.acquisition.host import EdgeNode, Report
from backend.acquisition.reports import store
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.config_parts import read_parts
from gateway.contract.configuration import (
    ConfigResult,
    ConfigState,
    encode_config_result,
    text_hash,
)
from tests.gateway.bench import VALVE
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor

TEXT = "devices:\n  - {slug: m1, profile: eastron/sdm630, host: h, unit: 1}\n"
NEWER = TEXT.replace("unit: 1", "unit: 2")
OWN = "devices:\n  - {slug: v1, profile: test/valve, host: h, unit: 1}\n"
PUT = """mutation P($gateway: ID!, $text: String!, $note: String!, $after: Int) {
  putGatewayConfig(input: {project: "acme", gateway: $gateway, text: $text, note: $note,
                           after: $after})
  { version hash state text note person { login } diff } }"""
BACK = """mutation B($gateway: ID!, $version: Int!) {
  rollBackGatewayConfig(project: "acme", gateway: $gateway, version: $version)
  { version hash note } }"""
UPLOAD = """mutation U($name: String!, $text: String!) {
  uploadProfile(project: "acme", name: $name, text: $text)
  { profile { name hash text } gatewayIds } }"""
REMOVE = """mutation R($name: String!) { removeProfile(project: "acme", name: $name) }"""
LIST = """{ project(id: "acme") { gateways { id configs { version state stateAt problems hash } }
  profiles { name } audit { action ref result } } }"""


async def test_versions_are_put_compared_and_restored(
    client: Client, ask: Ask, dora: Actor, made: Plant, platform: Platform
) -> None:
    hers, gateway = await client(dora), made.gateway.text
    first = await ask(hers, PUT, {"gateway": gateway, "text": TEXT, "note": "begin"})
    assert first["data"] == {
        "putGatewayConfig": {
            "version": 1,
            "hash": text_hash(TEXT),
            "state": "WAITING",
            "text": TEXT,
            "note": "begin",
            "person": {"login": "dora"},
            "diff": "",
        }
    }
    second = await ask(hers, PUT, {"gateway": gateway, "text": NEWER, "note": "", "after": 1})
    assert second["data"]["putGatewayConfig"]["diff"] == (  # type: ignore[index]
        "--- version 1\n+++ version 2\n@@ -1,2 +1,2 @@\n devices:\n"
        "-  - {slug: m1, profile: eastron/sdm630, host: h, unit: 1}\n"
        "+  - {slug: m1, profile: eastron/sdm630, host: h, unit: 2}"
    )
    late = await ask(hers, PUT, {"gateway": gateway, "text": TEXT, "note": "", "after": 1})
    assert code(late) == "config_changed"
    node = EdgeNode(made.tenant.id, made.gateway.id, "acme", "g1")
    told = ConfigResult(
        2, text_hash(NEWER), ConfigState.REFUSED, int(NOW.timestamp() * 1000), ["no driver"]
    )
    await store(platform, [(node, Report(topics.EXT_CONFIG_RESULT, encode_config_result(told)))])
    restored = await ask(hers, BACK, {"gateway": gateway, "version": 1})
    assert restored["data"] == {
        "rollBackGatewayConfig": {"version": 3, "hash": text_hash(TEXT), "note": "= 1"}
    }
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert project["gateways"] == [
        {
            "id": gateway,
            "configs": [
                {
                    "version": 3,
                    "state": "WAITING",
                    "stateAt": None,
                    "problems": [],
                    "hash": text_hash(TEXT),
                },
                {
                    "version": 2,
                    "state": "REFUSED",
                    "stateAt": "2026-03-15T04:00:00Z",
                    "problems": ["no driver"],
                    "hash": text_hash(NEWER),
                },
                {
                    "version": 1,
                    "state": "SUPERSEDED",
                    "stateAt": None,
                    "problems": [],
                    "hash": text_hash(TEXT),
                },
            ],
        }
    ]
    assert [(entry["action"], entry["ref"]) for entry in project["audit"]] == [
        ("config.put", f"{gateway}/3"),
        ("config.result", f"{gateway}/2"),
        ("config.put", f"{gateway}/2"),
        ("config.put", f"{gateway}/1"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("devices: [", "not valid YAML"),
        ("project: x", "'project' is for the gateway's own file"),
        ("devices: [{slug: m1}]", "'profile' is missing"),
        ("timeout_s: 99", "99 is too large"),
    ],
)
async def test_a_wrong_document_is_refused_at_once(
    client: Client, ask: Ask, dora: Actor, made: Plant, text: str, told: str
) -> None:
    hers = await client(dora)
    answer = await ask(hers, PUT, {"gateway": made.gateway.text, "text": text, "note": ""})
    assert code(answer) == "config_invalid"
    assert told in str(answer["errors"])
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert project["gateways"][0]["configs"] == project["audit"] == []


async def test_a_profile_travels_in_the_documents_that_name_it(
    client: Client, ask: Ask, dora: Actor, made: Plant
) -> None:
    hers, gateway = await client(dora), made.gateway.text
    stored = await ask(hers, UPLOAD, {"name": "test/valve", "text": VALVE})
    assert stored["data"] == {
        "uploadProfile": {
            "profile": {"name": "test/valve", "hash": text_hash(VALVE), "text": VALVE},
            "gatewayIds": [],
        }
    }
    put = await ask(hers, PUT, {"gateway": gateway, "text": OWN, "note": ""})
    whole = put["data"]["putGatewayConfig"]["text"]  # type: ignore[index]
    assert read_parts("whole", whole).profiles == {"test/valve": VALVE}
    assert code(await ask(hers, REMOVE, {"name": "test/valve"})) == "profile_in_use"
    # A new text makes a new version of its own, for the gateways that use it.
    better = VALVE.replace("max: 90", "max: 80")
    again = await ask(hers, UPLOAD, {"name": "test/valve", "text": better})
    assert again["data"]["uploadProfile"]["gatewayIds"] == [gateway]  # type: ignore[index]
    same = await ask(hers, UPLOAD, {"name": "test/valve", "text": better})
    assert same["data"]["uploadProfile"]["gatewayIds"] == []  # type: ignore[index]
    shown = await hers.get(f"/api/v1/gateways/{gateway}/configs/2?project=acme")
    assert read_parts("whole", shown.json()["text"]).profiles == {"test/valve": better}
    await ask(hers, PUT, {"gateway": gateway, "text": TEXT, "note": ""})
    assert (await ask(hers, REMOVE, {"name": "test/valve"}))["data"] == {"removeProfile": True}
    assert code(await ask(hers, REMOVE, {"name": "test/valve"})) == "not_found"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("valve", VALVE, "profile_name"),
        ("test/Valve", VALVE, "profile_name"),
        ("test/../valve", VALVE, "profile_name"),
        ("test/valve", "maker: M", "profile_invalid"),
    ],
)
async def test_a_wrong_profile_is_not_stored(
    client: Client, ask: Ask, dora: Actor, made: Plant, name: str, text: str, expected: str
) -> None:
    hers = await client(dora)
    assert code(await ask(hers, UPLOAD, {"name": name, "text": text})) == expected
    assert (await ask(hers, LIST))["data"]["project"]["profiles"] == []  # type: ignore[index]


async def test_a_manager_may_look_and_not_configure(
    client: Client, ask: Ask, alice: Actor, dora: Actor, made: Plant
) -> None:
    gateway = made.gateway.text
    await ask(await client(dora), PUT, {"gateway": gateway, "text": TEXT, "note": ""})
    hers = await client(alice)
    for query, variables in (
        (PUT, {"gateway": gateway, "text": TEXT, "note": ""}),
        (BACK, {"gateway": gateway, "version": 1}),
        (UPLOAD, {"name": "test/valve", "text": VALVE}),
        (REMOVE, {"name": "test/valve"}),
    ):
        assert code(await ask(hers, query, variables)) == "not_allowed"
    for field in ("text", "diff"):
        answer = await ask(
            hers, f'{{ project(id: "acme") {{ gateways {{ configs {{ {field} }} }} }} }}'
        )
        assert code(answer) == "not_allowed"
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert project["gateways"][0]["configs"][0]["version"] == 1


async def test_rest_does_the_same(client: Client, dora: Actor, made: Plant) -> None:
    hers = await client(dora)
    base = f"/api/v1/gateways/{made.gateway.text}/configs"
    put = await hers.post(f"{base}?project=acme", json={"text": TEXT, "note": "n", "after": 0})
    assert put.status_code == 202
    assert (put.json()["version"], put.json()["state"], put.json()["note"]) == (1, "waiting", "n")
    assert (await hers.get(f"{base}?project=acme")).json() == [put.json()]
    assert (await hers.get(f"{base}/1?project=acme")).json() == {**put.json(), "text": TEXT}
    assert (await hers.get(f"{base}/2?project=acme")).status_code == 404
    assert (await hers.post(f"{base}/1/restore?project=acme")).json()["version"] == 2
    assert (await hers.post(f"{base}?project=acme", json={"text": "x"})).status_code == 422
    profile = "/api/v1/profiles/test/valve?project=acme"
    assert (await hers.get(profile)).status_code == 404
    stored = await hers.put(profile, json={"text": VALVE})
    assert stored.json()["hash"] == text_hash(VALVE)
    assert (await hers.get(profile)).json()["text"] == VALVE
    names = [row["name"] for row in (await hers.get("/api/v1/profiles?project=acme")).json()]
    assert names == ["test/valve"]
    assert (await hers.delete(profile)).status_code == 204
    assert (await hers.delete(profile)).status_code == 404
