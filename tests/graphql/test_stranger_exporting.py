"""The stranger against a project's archives."""

from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.people.asker import Asker
from backend.service.projects.exports import ask_export, make_exports
from tests.graphql.conftest import Client
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor

QUESTIONS: dict[str, list[str]] = {
    "Project.exports": ['{ project(id: "%(project)s") { exports { id state } } }'],
    "Mutation.noteExported": [
        'mutation { noteExported(project: "%(project)s", input: { screen: ANALYSE,'
        ' scope: "x", energy: "electricity", start: "2026-03-14T16:00:00Z",'
        ' end: "2026-03-15T16:00:00Z", rows: 24 }) }'
    ],
    "Mutation.exportProject": ['mutation { exportProject(project: "%(project)s") { id } }'],
}


async def test_the_stranger_learns_and_fetches_nothing(
    platform: Platform, client: Client, learns_nothing: LearnsNothing, alice: Actor, stranger: Actor
) -> None:
    async with platform.database.project(alice.tenant.id) as tx:
        row = await ask_export(tx, alice.tenant.id, Asker(alice.id, alice.uid), NOW)
    await make_exports(platform)
    names = {"project": encode_id("prj", alice.tenant.uid)}
    await learns_nothing(QUESTIONS, names, nothing_like(names))
    theirs, export = await client(stranger), encode_id("exp", row.uid)
    for project, kind in (("acme", "project"), ("nobody", "project"), ("other", "export")):
        answer = await theirs.get(f"/api/v1/exports/{export}?project={project}")
        assert (answer.status_code, answer.json()["params"]) == (404, {"kind": kind})
