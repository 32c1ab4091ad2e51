"""Updates by GraphQL and REST: who may ask, what is kept, how the result is told."""

from datetime import timedelta
from uuid import uuid4

from backend.acquisition.asks import wanted_asks
from backend.acquisition.host import EdgeNode, Report
from backend.acquisition.reports import store
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.sparkplug import decode
from gateway.contract.update import UpdateResult, UpdateState, decode_update, encode_update
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.graphql.releases import a_release
from tests.postgres import Actor, MakePerson

UPLOAD = "/api/v1/gateway-releases?project=acme"
UPDATE = """mutation U($gateway: ID!, $key: ID!, $sha256: String!) {
  updateGateway(project: "acme", gateway: $gateway, key: $key, sha256: $sha256)
  { id version state before now person { login } until } }"""
LIST = """{ project(id: "acme") { gatewayReleases { version bytes sha256 minWire }
  gateways { updates { version before now state code detail finishedAt }
             supportRequests { kind } } } }"""


async def test_a_release_is_brought_asked_for_and_told_of(
    client: Client, ask: Ask, dora: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(dora)
    for _ in range(2):
        answer = await hers.post(UPLOAD, content=a_release("9.0.0"))
        assert answer.status_code == 201, answer.text
    sha256 = answer.json()["sha256"]
    wish = {"gateway": made.gateway.text, "key": str(uuid4()), "sha256": sha256}
    given = (await ask(hers, UPDATE, wish))["data"]["updateGateway"]  # type: ignore[index]
    id = given.pop("id")
    assert given == {
        "version": "9.0.0",
        "state": "WAITING",
        "before": None,
        "now": None,
        "person": {"login": "dora"},
        "until": "2026-03-16T04:00:00Z",
    }
    again = (await ask(hers, UPDATE, wish))["data"]["updateGateway"]  # type: ignore[index]
    assert again["id"] == id
    node = EdgeNode(made.tenant.id, made.gateway.id, "acme", "g1")
    for state, version, told in (
        (UpdateState.ACCEPTED, "1.0.0", ""),
        (UpdateState.ROLLED_BACK, "1.0.0", "it ended with code 1"),
        (UpdateState.KEPT, "9.0.0", "too late: the end was told"),
    ):
        result = UpdateResult(id, state, "not_healthy", 1, "per_x", "1.0.0", version, told)
        text = encode_update(result)
        await store(platform, [(node, Report(topics.EXT_UPDATE_RESULT, text))])
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert project["gatewayReleases"] == [
        {"version": "9.0.0", "bytes": len(a_release("9.0.0")), "sha256": sha256, "minWire": "1.0"}
    ]
    assert project["gateways"] == [
        {
            "updates": [
                {
                    "version": "9.0.0",
                    "before": "1.0.0",
                    "now": "1.0.0",
                    "state": "ROLLED_BACK",
                    "code": "not_healthy",
                    "detail": "it ended with code 1",
                    "finishedAt": "2026-03-15T04:00:00Z",
                }
            ],
            "supportRequests": [],
        }
    ]
    audit = await ask(hers, '{ project(id: "acme") { audit { action result } } }')
    entries = audit["data"]["project"]["audit"]  # type: ignore[index]
    assert [(one["action"], one["result"]) for one in entries] == [
        ("update.result", "rolled_back/not_healthy"),
        ("update.result", "accepted/not_healthy"),
        ("update.ask", "waiting"),
        ("release.upload", "kept"),
    ]
    path = f"/api/v1/gateway-releases/acme/{id}/{sha256}"
    assert (await hers.get(path)).status_code == 404


async def test_it_is_sent_until_accepted_and_not_after_its_time(
    client: Client, ask: Ask, dora: Actor, made: Plant, platform: Platform, clock: ManualClock
) -> None:
    hers = await client(dora)
    sha256 = (await hers.post(UPLOAD, content=a_release("9.0.0"))).json()["sha256"]
    wish = {"gateway": made.gateway.text, "key": str(uuid4()), "sha256": sha256}
    id = (await ask(hers, UPDATE, wish))["data"]["updateGateway"]["id"]  # type: ignore[index]
    node = EdgeNode(made.tenant.id, made.gateway.id, "acme", "g1")
    node.online, node.epoch = True, 7
    held = {(made.tenant.id, made.gateway.id): node}
    async with platform.database.ingest() as tx:
        [outgoing] = await wanted_asks(tx, held, clock.now())
    [metric] = decode(outgoing.payload).metrics
    assert metric.name == topics.EXT_UPDATE
    wanted = decode_update(str(metric.value))
    assert (wanted.id, wanted.version, wanted.sha256) == (id, "9.0.0", sha256)
    assert wanted.actor == dora.text
    path = f"/api/v1/gateway-releases/acme/{id}/{sha256}"
    assert (await hers.get(path)).status_code == 200
    result = UpdateResult(id, UpdateState.ACCEPTED, "done", 1, "per_x")
    await store(platform, [(node, Report(topics.EXT_UPDATE_RESULT, encode_update(result)))])
    await clock.advance(3600)
    async with platform.database.ingest() as tx:
        assert await wanted_asks(tx, held, clock.now()) == []
    await clock.advance(timedelta(hours=24).total_seconds())
    assert (await hers.get(path)).status_code == 404


async def test_what_is_no_release_and_who_may_not(
    client: Client, ask: Ask, dora: Actor, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    hers = await client(dora)
    for content, expected in (
        (b"no zip", "release_unfit"),
        (a_release("not a version"), "release_unfit"),
        (a_release("9.0.0", said=b"another"), "release_unfit"),
        (b"x" * 8_000_001, "release_too_large"),
    ):
        answer = await hers.post(UPLOAD, content=content)
        assert (answer.status_code, answer.json()["code"]) == (422, expected)
    wish = {"gateway": made.gateway.text, "key": str(uuid4()), "sha256": "0" * 64}
    assert code(await ask(hers, UPDATE, wish)) == "not_found"
    leader = await client(await make_person("leo", alice.tenant, role="shift_leader"))
    answer = await leader.post(UPLOAD, content=a_release("9.0.0"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert code(await ask(leader, UPDATE, wish)) == "not_allowed"
    assert code(await ask(leader, LIST)) == "not_allowed"


async def test_the_oldest_releases_are_forgotten(
    client: Client, ask: Ask, dora: Actor, made: Plant, clock: ManualClock
) -> None:
    hers = await client(dora)
    for number in range(7):
        await clock.advance(1)
        await hers.post(UPLOAD, content=a_release(f"9.{number}"))
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    kept = [one["version"] for one in project["gatewayReleases"]]
    assert kept == ["9.6", "9.5", "9.4", "9.3", "9.2"]
