"""The stranger asks for the shared devices and badges of a project that is not theirs."""

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.graphql.strangers import LearnsNothing
from tests.graphql.walk.people import make_delegation, make_post
from tests.postgres import NOW, Actor

PROJECTS = ("project", "own")


def _done(call: str) -> list[str]:
    return ["mutation { " + call.replace("WHOSE", f'"%({whose})s"') + " }" for whose in PROJECTS]


QUESTIONS: dict[str, list[str]] = {
    "Project.sharedDevices": ['{ project(id: "%(project)s") { sharedDevices { name } } }'],
    "Project.takingMeans": ['{ project(id: "%(project)s") { takingMeans { badgeSince } } }'],
    "Query.post": ["{ post { name } }"],
    "Mutation.makeSharedDevice": [
        'mutation { makeSharedDevice(input: { project: "%(project)s", name: "x",'
        ' role: "auditor" }) { code } }',
    ],
    "Mutation.freeSharedDevice": _done('freeSharedDevice(project: WHOSE, id: "%(post)s") { id }'),
    "Mutation.endSharedDevice": _done('endSharedDevice(project: WHOSE, id: "%(post)s") { id }'),
    "Mutation.makeBadge": _done('makeBadge(project: WHOSE, person: "%(person)s") { qr }'),
    "Mutation.endBadge": _done('endBadge(project: WHOSE, person: "%(person)s")'),
    "Mutation.enrolDevice": ['mutation { enrolDevice(code: "%(slug)s-0000-0000-0000") { id } }'],
    "Mutation.takePost": [
        'mutation { takePost(input: { person: "%(person)s", pin: "1" }) { tap } }'
    ],
    "Project.delegations": ['{ project(id: "%(project)s") { delegations { id } } }'],
    "Mutation.handOver": [
        'mutation { handOver(input: { project: "%(project)s", login: "bob",'
        ' start: "2026-03-15T00:00:00Z", end: "2026-03-20T00:00:00Z" }) { id } }',
        'mutation { handOver(input: { project: "%(own)s", login: "alice",'
        ' start: "2026-03-15T00:00:00Z", end: "2026-03-20T00:00:00Z" }) { id } }',
    ],
    "Mutation.endDelegation": _done('endDelegation(project: WHOSE, id: "%(delegation)s") { id }'),
    "Mutation.forgetMe": ['mutation { forgetMe(login: "%(slug)s") }'],
    "Mutation.stayAtPost": ["mutation { stayAtPost }"],
    "Mutation.setPin": ['mutation { setPin(pin: "1") }'],
}


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform, alice: Actor, bob: Actor, learns_nothing: LearnsNothing
) -> None:
    names = {
        "project": encode_id("prj", alice.tenant.uid),
        "slug": alice.tenant.slug,
        "own": "other",
        "person": alice.text,
        "post": (await make_post(platform, alice))[1],
        "delegation": await make_delegation(platform, alice, bob.login),
    }
    nothing = {
        **names,
        "project": encode_id("prj", new_uuid(NOW)),
        "slug": "nothing",
        "person": encode_id("per", new_uuid(NOW)),
        "post": encode_id("shd", new_uuid(NOW)),
        "delegation": encode_id("dlg", new_uuid(NOW)),
    }
    await learns_nothing(QUESTIONS, names, nothing)
