"""The stranger against what a project is called and looks like."""

import base64

from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.people.asker import Asker
from backend.service.projects.looks import change_logo, checked_logo
from tests.graphql.conftest import Client
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor
from tests.unit.test_looks import png

FILE = base64.b64encode(png()).decode()
QUESTIONS: dict[str, list[str]] = {
    "Project.traits": ['{ project(id: "%(project)s") { traits { accent logo languages } } }'],
    "Mutation.setProject": [
        'mutation { setProject(project: "%(project)s", input: { nameEn: "Mine" }) }'
    ],
    "Mutation.setLogo": [f'mutation {{ setLogo(project: "%(project)s", file: "{FILE}") }}'],
    # A project of their own is what everybody may ask for; it tells nothing of others.
    "Mutation.createProject": [
        'mutation { createProject(input: { template: "machinery", zone: "Asia/Shanghai",'
        ' currency: "CNY", traits: { nameEn: "Mine" } }) { id } }'
    ],
    "Query.projectTemplates": ["{ projectTemplates { code } }"],
    "Query.standards": ["{ standards { code } }"],
    "Query.energyUnits": ["{ energyUnits }"],
}


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform, client: Client, learns_nothing: LearnsNothing, alice: Actor, stranger: Actor
) -> None:
    async with platform.database.project(alice.tenant.id) as tx:
        asker = Asker(alice.id, alice.uid)
        await change_logo(tx, alice.tenant.id, checked_logo(png()), asker, NOW)
    names = {"project": encode_id("prj", alice.tenant.uid)}
    await learns_nothing(QUESTIONS, names, nothing_like(names))
    theirs = await client(stranger)
    for project in ("acme", "nobody"):
        answer = await theirs.get(f"/api/v1/logo?project={project}")
        assert (answer.status_code, answer.json()["params"]) == (404, {"kind": "project"})
