"""Trees and their places: making, naming, moving, ending."""

from datetime import datetime
from uuid import UUID

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.factors import begin_edit
from backend.application.graphql.naming import Name
from backend.application.graphql.plant import Node
from backend.core.db import ReadSession
from backend.core.errors import NotFound
from backend.service.plant import nodes, rows, trees
from backend.service.plant.nodes import NewNode, NodeChange, Place


@strawberry.type
class Tree:
    """One way to group the meters: the organisation, how power flows, or who pays."""

    slug: str
    kind: str
    name: Name
    node_kinds: list[str] = strawberry.field(description="What its nodes may be.")

    @classmethod
    def of(cls, row: trees.TreeRow) -> "Tree":
        """Answer a stored tree."""
        kinds = list(trees.KINDS.get(row.kind, ()))
        return cls(slug=row.slug, kind=row.kind, name=Name.of(row.name, row.slug), node_kinds=kinds)


@strawberry.input
class NameInput:
    """A name in one or both languages."""

    en: str = ""
    zh: str = ""

    def stored(self) -> dict[str, str]:
        """Answer it as it is stored."""
        return {"en": self.en, "zh-CN": self.zh}


@strawberry.input
class NodeInput:
    """A place to be made, last below its parent; without one it is a root of its tree."""

    project: strawberry.ID
    tree: str
    kind: str
    name: NameInput
    parent: strawberry.ID | None = None
    level: int | None = None
    major: bool = False


@strawberry.input
class NodeChangeInput:
    """What a place is to be; what is null stays."""

    project: strawberry.ID
    node: strawberry.ID
    name: NameInput | None = None
    kind: str | None = None
    level: int | None = strawberry.field(default=None, description="0 takes the level away.")
    major: bool | None = None


@strawberry.type
class TreeMutation:
    """Changing trees and their places."""

    @strawberry.mutation
    async def create_tree(
        self, info: KwInfo, project: strawberry.ID, kind: str, name: NameInput
    ) -> Tree:
        """Make a tree without places; its kind says what they may be."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            return Tree.of(await trees.create_tree(edit, kind, name.stored()))

    @strawberry.mutation
    async def rename_tree(
        self, info: KwInfo, project: strawberry.ID, tree: str, name: NameInput
    ) -> Tree:
        """Call a tree something else."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            return Tree.of(await trees.rename_tree(edit, tree, name.stored()))

    @strawberry.mutation
    async def create_node(
        self,
        info: KwInfo,
        input: NodeInput,  # noqa: A002 - what the schema calls it
    ) -> Node:
        """Make a place."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        wanted = NewNode(
            tree=input.tree,
            parent=_named(input.parent),
            kind=input.kind,
            name=input.name.stored(),
            level=input.level,
            major=input.major,
        )
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            return await _answer(door, tx, await nodes.create_node(edit, wanted))

    @strawberry.mutation
    async def change_node(
        self,
        info: KwInfo,
        input: NodeChangeInput,  # noqa: A002 - what the schema calls it
    ) -> Node:
        """Call a place something else, or say what it is."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        wanted = NodeChange(
            name=None if input.name is None else input.name.stored(),
            kind=input.kind,
            level=input.level,
            major=input.major,
        )
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            uid = outside_uid("node", input.node)
            return await _answer(door, tx, await nodes.change_node(edit, uid, wanted))

    @strawberry.mutation
    async def move_node(
        self,
        info: KwInfo,
        project: strawberry.ID,
        node: strawberry.ID,
        to: strawberry.ID | None = None,
    ) -> Node:
        """Put a place, with all below it, under another of its tree; without one among its roots.

        No figure changes: a place's account is what it counts itself.
        """
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            place = await nodes.move_node(edit, outside_uid("node", node), _named(to))
            return await _answer(door, tx, place)

    @strawberry.mutation
    async def end_node(
        self,
        info: KwInfo,
        project: strawberry.ID,
        node: strawberry.ID,
        at: datetime | None = None,
    ) -> Node:
        """End a place and what it counts, from the next quarter hour on by default."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            place = await nodes.end_node(edit, outside_uid("node", node), at)
            return await _answer(door, tx, place)


def _named(id: str | None) -> UUID | None:
    """Answer the identity of a place that is named; NotFound for a text that is none."""
    uid = None if id is None else outside_uid("node", id)
    if id is not None and uid is None:
        raise NotFound(kind="node")
    return uid


async def _answer(door: Door, tx: ReadSession, place: Place) -> Node:
    [row] = await rows.nodes(tx, door.project.id, [place.id])
    return Node(door=door, row=row)


async def read_trees(door: Door) -> list[Tree]:
    """Answer the project's trees."""
    async with door.read() as tx:
        return [Tree.of(row) for row in await trees.list_trees(tx, door.project.id)]
