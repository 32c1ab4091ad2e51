"""Trees and places by GraphQL: made, named, moved, ended; circles are refused with their way."""

import pytest

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import Actor, MakePerson

NODE = "id slug tree kind level major parentId validTo name { en zh }"
CREATE = f"mutation C($input: NodeInput!) {{ createNode(input: $input) {{ {NODE} }} }}"
CHANGE = f"mutation C($input: NodeChangeInput!) {{ changeNode(input: $input) {{ {NODE} }} }}"
MOVE = f"""mutation M($node: ID!, $to: ID) {{
  moveNode(project: "acme", node: $node, to: $to) {{ {NODE} }} }}"""
END = f"""mutation E($node: ID!, $at: DateTime) {{
  endNode(project: "acme", node: $node, at: $at) {{ {NODE} }} }}"""
TREE = """mutation T($kind: String!, $en: String!) {
  createTree(project: "acme", kind: $kind, name: {en: $en}) { slug kind nodeKinds } }"""
LIST = """query L($tree: String!, $ended: Boolean!) { project(id: "acme") {
  trees { slug kind } nodes(tree: $tree, ended: $ended) { slug parentId validTo } } }"""
AUDIT = '{ project(id: "acme") { audit { action ref } } }'


@pytest.fixture
async def made(made: Plant, alice: Actor, platform: Platform) -> Plant:
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO tree (project_id, slug, kind, name)"
            " VALUES (%s, 'organisation', 'organisation', '{\"en\": \"Organisation\"}')",
            (alice.tenant.id,),
        )
    return made


def node(**changed: object) -> dict[str, object]:
    """A line below workshop a, or another place."""
    base = {"project": "acme", "tree": "organisation", "kind": "line", "name": {"en": "Line 9"}}
    return {"input": {**base, **changed}}


async def test_a_place_is_made_named_and_told_what_it_is(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers, parent = await client(alice), made.nodes["a"].text
    wanted = node(parent=parent, kind="equipment", level=3, major=True)
    answer = (await ask(hers, CREATE, wanted))["data"]["createNode"]  # type: ignore[index]
    number = answer.pop("id")
    assert answer == {
        "slug": "line-9",
        "tree": "organisation",
        "kind": "equipment",
        "level": 3,
        "major": True,
        "parentId": parent,
        "validTo": None,
        "name": {"en": "Line 9", "zh": "Line 9"},
    }
    change = {"project": "acme", "node": number, "name": {"en": "Press", "zh": "压机"}, "level": 0}
    changed = (await ask(hers, CHANGE, {"input": change}))["data"]["changeNode"]  # type: ignore[index]
    assert (changed["name"], changed["level"]) == ({"en": "Press", "zh": "压机"}, None)
    assert (changed["slug"], changed["major"]) == ("line-9", True)
    second = (await ask(hers, CREATE, node(parent=parent)))["data"]["createNode"]  # type: ignore[index]
    assert second["slug"] == "line-9-2"
    audit = (await ask(hers, AUDIT))["data"]["project"]["audit"]  # type: ignore[index]
    assert [(row["action"], row["ref"]) for row in audit] == [
        ("node.create", second["id"]),
        ("node.change", number),
        ("node.create", number),
    ]


async def test_a_second_tree_stands_beside_the_first(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    tree = await ask(hers, TREE, {"kind": "electrical", "en": "10 kV"})
    assert tree["data"]["createTree"] == {  # type: ignore[index]
        "slug": "10-kv",
        "kind": "electrical",
        "nodeKinds": ["incomer", "transformer", "busbar", "feeder", "panel"],
    }
    root = await ask(hers, CREATE, node(tree="10-kv", kind="incomer", name={"zh": "1号进线"}))
    incomer = root["data"]["createNode"]  # type: ignore[index]
    assert (incomer["slug"], incomer["parentId"]) == ("incomer-2", None)
    assert code(await ask(hers, CREATE, node(tree="10-kv", kind="workshop"))) == "node_kind"
    strange = node(tree="10-kv", kind="feeder", parent=made.nodes["a"].text)
    assert code(await ask(hers, CREATE, strange)) == "node_other_tree"
    moved = await ask(hers, MOVE, {"node": incomer["id"], "to": made.nodes["a"].text})
    assert code(moved) == "node_other_tree"
    electrical = await ask(hers, LIST, {"tree": "10-kv", "ended": False})
    project = electrical["data"]["project"]  # type: ignore[index]
    assert [row["slug"] for row in project["nodes"]] == ["incomer-2"]
    assert [row["slug"] for row in project["trees"]] == ["organisation", "10-kv"]
    assert code(await ask(hers, TREE, {"kind": "organisation", "en": "x"})) == "tree_most"
    assert code(await ask(hers, TREE, {"kind": "forest", "en": "x"})) == "tree_kind"


async def test_moving_into_its_own_branch_is_refused_with_the_way(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers, a, b = await client(alice), made.nodes["a"], made.nodes["b"]
    moved = await ask(hers, MOVE, {"node": b.text, "to": a.text})
    assert moved["data"]["moveNode"]["parentId"] == a.text  # type: ignore[index]
    circle = await ask(hers, MOVE, {"node": a.text, "to": b.text})
    [error] = circle["errors"]  # type: ignore[misc]
    assert error["extensions"]["code"] == "node_circle"  # type: ignore[has-type]
    assert error["extensions"]["params"] == {"way": "a → b"}  # type: ignore[has-type]
    assert code(await ask(hers, MOVE, {"node": a.text, "to": a.text})) == "node_circle"
    assert code(await ask(hers, MOVE, {"node": a.text, "to": None})) == "node_root"
    site = {"node": made.nodes["site"].text, "to": a.text}
    assert code(await ask(hers, MOVE, site)) == "node_root"
    nodes = (await ask(hers, LIST, {"tree": "organisation", "ended": False}))["data"]["project"]  # type: ignore[index]
    parents = {row["slug"]: row["parentId"] for row in nodes["nodes"]}
    assert (parents["a"], parents["b"]) == (made.nodes["site"].text, a.text)


async def test_an_ended_place_keeps_its_past_and_takes_nothing_new(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers, a, b = await client(alice), made.nodes["a"], made.nodes["b"]
    await ask(hers, MOVE, {"node": b.text, "to": a.text})
    assert code(await ask(hers, END, {"node": a.text})) == "node_has_children"
    ended = await ask(hers, END, {"node": b.text})
    assert ended["data"]["endNode"]["validTo"] == "2026-03-15T04:15:00Z"  # type: ignore[index]
    async with platform.database.read(alice.tenant.id) as tx:
        ends = await tx.fetch_tuples(
            "SELECT valid_to::text FROM node_meter WHERE project_id = %s AND node_id = %s",
            (alice.tenant.id, b.id),
        )
    assert ends == [("2026-03-15 04:15:00+00",)]
    assert code(await ask(hers, CREATE, node(parent=b.text))) == "node_ended"
    assert code(await ask(hers, END, {"node": made.nodes["site"].text})) == "node_root"
    yesterday = {"node": a.text, "at": "2026-03-14T04:00:00Z"}
    assert code(await ask(hers, END, yesterday)) == "restatement_needed"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"tree": "nowhere"}, "not_found"),
        ({"parent": None}, "node_root"),
        ({"parent": "node_0"}, "not_found"),
        ({"name": {"en": " "}}, "name_empty"),
        ({"name": {"en": "x" * 101}}, "name_long"),
        ({"level": 4}, "metering_level"),
        ({"major": True}, "node_major"),
    ],
)
async def test_what_cannot_be_a_place_says_why(
    client: Client,
    ask: Ask,
    alice: Actor,
    made: Plant,
    changed: dict[str, object],
    expected: str,
) -> None:
    hers = await client(alice)
    wanted = node(**{"parent": made.nodes["a"].text, **changed})
    assert code(await ask(hers, CREATE, wanted)) == expected
    assert (await ask(hers, AUDIT))["data"]["project"]["audit"] == []  # type: ignore[index]


async def test_a_shift_leader_changes_no_tree(
    client: Client, ask: Ask, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    emil = await client(await make_person("emil", alice.tenant, role="shift_leader"))
    assert code(await ask(emil, CREATE, node(parent=made.nodes["a"].text))) == "not_allowed"
    assert code(await ask(emil, MOVE, {"node": made.nodes["a"].text})) == "not_allowed"
    assert code(await ask(emil, END, {"node": made.nodes["a"].text})) == "not_allowed"
    assert code(await ask(emil, TREE, {"kind": "electrical", "en": "x"})) == "not_allowed"
