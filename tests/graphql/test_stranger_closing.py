"""The stranger against deleting, restoring and operating projects."""

from backend.core.ids import encode_id
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import Actor

NOTHING = "pointsPerS: 1, storageMb: 1, people: 1, messagesPerDay: 1"
QUESTIONS: dict[str, list[str]] = {
    "Query.operatedProjects": ["{ operatedProjects { id slug health { gateways } } }"],
    "Mutation.deleteProject": [
        'mutation { deleteProject(project: "%(project)s", name: "acme") }',
        'mutation { deleteProject(project: "%(slug)s", name: "acme") }',
    ],
    "Mutation.restoreProject": ['mutation { restoreProject(project: "%(project)s") }'],
    "Mutation.suspendProject": ['mutation { suspendProject(project: "%(project)s") { id } }'],
    "Mutation.resumeProject": ['mutation { resumeProject(project: "%(project)s") { id } }'],
    "Mutation.setQuota": [
        f'mutation {{ setQuota(project: "%(project)s", quota: {{ {NOTHING} }}) {{ id }} }}'
    ],
}


async def test_the_stranger_learns_and_changes_nothing(
    learns_nothing: LearnsNothing, alice: Actor
) -> None:
    hers = {"project": encode_id("prj", alice.tenant.uid), "slug": "acme"}
    await learns_nothing(QUESTIONS, hers, {**nothing_like(hers), "slug": "nowhere"})
