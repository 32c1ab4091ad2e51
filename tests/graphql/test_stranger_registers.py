"""The stranger against events and judgements of registers."""

from backend.aggregation.register_events import Kind, RegisterEvent, record_event
from backend.core.ids import encode_id
from backend.core.platform import Platform
from tests.graphql.plants import make_plant
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor

EVENT = 'kind: RATIO, start: "2026-03-15T03:00:00Z", factor: "2"'
PROJECTS = ("project", "own")
QUESTIONS: dict[str, list[str]] = {
    "Mutation.recordRegisterEvent": [
        f'mutation {{ recordRegisterEvent(input: {{ project: "%({whose})s",'
        f' meter: "%(meter)s", {EVENT} }}) {{ id note }} }}'
        for whose in PROJECTS
    ],
    "Mutation.revokeRegisterEvent": [
        f'mutation {{ revokeRegisterEvent(project: "%({whose})s", event: "%(event)s")'
        " { id note } }"
        for whose in PROJECTS
    ],
    "Project.meter": [
        f'{{ project(id: "%({whose})s") {{ meter(id: "%(meter)s")'
        " { registerEvents { note } judgements { kind } } } }"
        for whose in PROJECTS
    ],
}


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform, learns_nothing: LearnsNothing, alice: Actor
) -> None:
    made = await make_plant(platform, alice.tenant)
    point = made.points["m1", "ep_imp"]
    async with platform.database.project(alice.tenant.id) as tx:
        event = RegisterEvent(point, Kind.CHANGED, NOW, note="acme's meter")
        recorded = await record_event(tx, alice.tenant.id, event, NOW)
    names = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "meter": made.meters["m1"].text,
        "event": encode_id("rev", recorded.uid),
    }
    await learns_nothing(QUESTIONS, names, nothing_like(names))
