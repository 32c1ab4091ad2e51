"""The stranger against credentials at the broker."""

from backend.core.ids import encode_id
from backend.core.platform import Platform
from tests.graphql.plants import make_plant
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.graphql.walk.people import make_mqtt_credential
from tests.postgres import Actor

QUESTIONS: dict[str, list[str]] = {
    "Project.mqttCredentials": ['{ project(id: "%(project)s") { mqttCredentials { id name } } }'],
    "Mutation.makeMqttCredential": [
        'mutation { makeMqttCredential(input: { project: "%(project)s", name: "x",'
        " scopes: [READINGS] }) { secret } }",
        'mutation { makeMqttCredential(input: { project: "%(own)s", name: "x",'
        ' scopes: [READINGS], part: "%(node)s" }) { secret } }',
    ],
    "Mutation.revokeMqttCredential": [
        f'mutation {{ revokeMqttCredential(project: "%({whose})s", id: "%(mqtt)s") {{ name }} }}'
        for whose in ("project", "own")
    ],
}


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform, learns_nothing: LearnsNothing, alice: Actor
) -> None:
    made = await make_plant(platform, alice.tenant)
    names = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "node": made.nodes["a"].text,
        "mqtt": (await make_mqtt_credential(platform, alice))[1],
    }
    await learns_nothing(QUESTIONS, names, nothing_like(names))
