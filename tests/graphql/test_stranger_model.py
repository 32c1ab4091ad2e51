"""The stranger against the plant's model: factors, trees, meters, memberships, conversions."""

import pytest

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor

PROJECTS = ("project", "slug", "own")
AT = 'validFrom: "2026-03-15T06:00:00Z"'


def hers(text: str) -> str:
    """A field of Project, asked below her project."""
    return f'{{ project(id: "%(project)s") {{ {text} }} }}'


def mine(text: str) -> str:
    """The same below the stranger's own project."""
    return f'{{ project(id: "%(own)s") {{ {text} }} }}'


def change(text: str) -> list[str]:
    """A mutation in her project by identity and slug, and in the stranger's own; `$p` is where."""
    return [f"mutation {{ {text} }}".replace("$p", f'"%({whose})s"') for whose in PROJECTS]


FACTOR = 'energy: "electricity", substance: "kgco2", basis: "location", value: "0.5", source: "s",'
BOUNDS = 'start: "2026-03-14T00:00:00Z", end: "2026-03-15T00:00:00Z"'
SPAN = f"period: DAY, {BOUNDS}"
NAME = '{ en: "x" }'
QUESTIONS: dict[str, list[str]] = {
    "Project.factors": [hers("factors { value confirmedBy { login } }"), mine("factors { value }")],
    "Mutation.setFactor": change(f"setFactor(input: {{ project: $p, {FACTOR} {AT} }}) {{ value }}")[
        :2
    ],
    "Project.supply": [
        hers(f"supply({SPAN}) {{ consumption }}"),
        mine(f"supply({SPAN}) {{ consumption }}"),
    ],
    "Project.conversionKinds": [hers("conversionKinds { code }")],
    "Project.conversions": [
        hers("conversions { kind }"),
        mine('conversions(node: "%(node)s") { kind }'),
    ],
    "Project.efficiencies": [
        hers(f"efficiencies({SPAN}) {{ loss }}"),
        mine(f'efficiencies({SPAN}, node: "%(node)s") {{ loss }}'),
    ],
    "Project.comprehensive": [
        hers(f'comprehensive(node: "%(node)s", {BOUNDS}) {{ kgce }}'),
        mine(f'comprehensive(node: "%(node)s", {BOUNDS}) {{ kgce }}'),
    ],
    "Mutation.setConversion": change(
        'setConversion(input: { project: $p, node: "%(node)s", kind: "compressor",'
        ' inputs: ["%(meter)s"] }) { kind }'
    ),
    "Mutation.endConversion": change(
        'endConversion(project: $p, conversion: "%(conversion)s") { kind }'
    ),
    "Project.trees": [hers("trees { slug }"), mine("trees { slug }")],
    "Project.nodes": [hers("nodes { id }"), mine("nodes { id memberIds: meterIds }")],
    "Project.node": [hers('node(id: "%(node)s") { slug }'), mine('node(id: "%(node)s") { slug }')],
    "Project.meters": [hers("meters { id }"), mine("meters { id }")],
    "Project.meter": [
        hers('meter(id: "%(meter)s") { slug }'),
        mine('meter(id: "%(meter)s") { slug }'),
    ],
    "Project.memberships": [
        hers("memberships { coefficient }"),
        mine('memberships(node: "%(node)s") { coefficient }'),
        mine('memberships(meter: "%(meter)s") { coefficient }'),
    ],
    "Mutation.createTree": change(f'createTree(project: $p, kind: "x", name: {NAME}) {{ slug }}'),
    "Mutation.renameTree": change(
        f'renameTree(project: $p, tree: "%(tree)s", name: {NAME}) {{ slug }}'
    ),
    "Mutation.createNode": change(
        'createNode(input: { project: $p, tree: "organisation", kind: "line", parent: "%(node)s",'
        f" name: {NAME} }}) {{ slug }}"
    ),
    "Mutation.changeNode": change(
        f'changeNode(input: {{ project: $p, node: "%(node)s", name: {NAME} }}) {{ slug }}'
    ),
    "Mutation.moveNode": change('moveNode(project: $p, node: "%(node)s", to: "%(parent)s") { id }'),
    "Mutation.endNode": change('endNode(project: $p, node: "%(node)s") { validTo }'),
    "Mutation.createMeter": change(
        f'createMeter(input: {{ project: $p, name: {NAME}, energy: "electricity",'
        ' source: "gauge", device: "%(device)s", power: "p", traits: {} }) { slug }'
    ),
    "Mutation.changeMeter": change(
        'changeMeter(project: $p, meter: "%(meter)s", traits: {}) { slug }'
    ),
    "Mutation.endMeter": change('endMeter(project: $p, meter: "%(meter)s") { validTo }'),
    "Mutation.setMembership": change(
        'setMembership(input: { project: $p, node: "%(node)s", meter: "%(meter)s" }) { energy }'
    ),
    "Mutation.endMembership": change(
        'endMembership(project: $p, node: "%(node)s", meter: "%(meter)s",'
        ' validFrom: "1970-01-01T00:00:00Z") { validTo }'
    ),
    "Mutation.confirmFactor": change('confirmFactor(project: $p, factor: "%(factor)s") { value }'),
}


@pytest.fixture
async def names(platform: Platform, alice: Actor, stranger: Actor) -> dict[str, str]:
    """Identities of Alice's things; both projects have a plant."""
    made = await make_plant(platform, alice.tenant)
    await make_plant(platform, stranger.tenant)
    factor, conversion = new_uuid(NOW), new_uuid(NOW)
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO factor (project_id, uid, energy, substance, value, basis, valid_from,"
            " source) VALUES (%s, %s, 'electricity', 'kgce', 0.1229, 'calorific', %s, 'acme')",
            (alice.tenant.id, factor, NOW),
        )
        await tx.execute(
            "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
            " valid_from) VALUES (%s, %s, %s, 'compressor', '[]', '[]', '{}', %s)",
            (alice.tenant.id, conversion, made.nodes["a"].id, NOW),
        )
        await tx.execute(
            "INSERT INTO tree (project_id, slug, kind, name) VALUES (%s, 'ours', 'cost_centre',"
            ' \'{"en": "acme"}\')',
            (alice.tenant.id,),
        )
    async with platform.database.project(stranger.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO tree (project_id, slug, kind, name)"
            " VALUES (%s, 'organisation', 'organisation', '{\"en\": \"Organisation\"}')",
            (stranger.tenant.id,),
        )
    return {
        "project": encode_id("prj", alice.tenant.uid),
        "slug": "acme",
        "tree": "ours",
        "own": "other",
        "factor": encode_id("fac", factor),
        "conversion": encode_id("cnv", conversion),
        "node": made.nodes["a"].text,
        "parent": made.nodes["b"].text,
        "meter": made.meters["m1"].text,
        "device": made.devices["m1"].text,
    }


async def test_the_stranger_learns_and_changes_nothing(
    names: dict[str, str], learns_nothing: LearnsNothing, client: Client, ask: Ask, alice: Actor
) -> None:
    await learns_nothing(
        QUESTIONS, names, nothing_like(names) | {"slug": "nothing", "tree": "none"}
    )
    # The same questions do find something when Alice asks.
    for field, seen in (
        ("factors", "0.1229"),
        ("trees", "ours"),
        ("node", "'slug': 'a'"),
        ("meter", "'slug': 'm1'"),
        ("memberships", "'coefficient': '1'"),
        ("conversions", "compressor"),
    ):
        answer = await ask(await client(alice), QUESTIONS[f"Project.{field}"][0] % names)
        assert seen in str(answer), field
