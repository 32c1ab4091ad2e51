"""The stranger against releases of the gateways' software and updates."""

from uuid import uuid4

from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.gateways import releases
from backend.service.gateways.configuration import GatewayKey
from backend.service.people.asker import Asker
from tests.graphql.conftest import Client
from tests.graphql.plants import Plant, make_plant
from tests.graphql.releases import a_release
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor

QUESTIONS: dict[str, list[str]] = {
    "Project.gatewayReleases": [
        '{ project(id: "%(project)s") { gatewayReleases { sha256 version } } }'
    ],
    "Mutation.updateGateway": [
        f'mutation {{ updateGateway(project: "%({whose})s", gateway: "%(gateway)s",'
        ' key: "0195e2a4-0000-7000-8000-000000000002", sha256: "%(sha256)s") { id } }'
        for whose in ("project", "own")
    ],
}


async def asked(platform: Platform, alice: Actor, made: Plant) -> tuple[str, str]:
    """An update under way of Alice's gateway: its identity and the release's hash."""
    asker, key, project = Asker(alice.id, alice.uid), uuid4(), alice.tenant.id
    gateway = GatewayKey(made.gateway.id, made.gateway.uid)
    async with platform.database.project(project) as tx:
        row = await releases.bring(tx, project, a_release("9.0.0"), asker, NOW)
        await releases.ask_update(tx, project, gateway, key, row.sha256, asker, NOW)
    return encode_id("cmd", key), row.sha256


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform, learns_nothing: LearnsNothing, alice: Actor
) -> None:
    made = await make_plant(platform, alice.tenant)
    _, sha256 = await asked(platform, alice, made)
    names = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "gateway": made.gateway.text,
        "sha256": sha256,
    }
    await learns_nothing(QUESTIONS, names, nothing_like(names))


async def test_a_release_is_for_whoever_was_told_command_and_hash(
    platform: Platform, client: Client, alice: Actor, stranger: Actor
) -> None:
    made = await make_plant(platform, alice.tenant)
    command, sha256 = await asked(platform, alice, made)
    theirs = await client(stranger)
    for project, id, digest in (
        ("other", command, sha256),
        ("nobody", command, sha256),
        ("acme", encode_id("cmd", uuid4()), sha256),
        ("acme", "cmd_x", sha256),
        ("acme", command, "0" * 64),
    ):
        answer = await theirs.get(f"/api/v1/gateway-releases/{project}/{id}/{digest}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await theirs.get(f"/api/v1/gateway-releases/acme/{command}/{sha256}")
    assert (answer.status_code, answer.content) == (200, a_release("9.0.0"))
