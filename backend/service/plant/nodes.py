"""Places of a tree: made, called something else, moved, ended.

A node's account is the sum of its memberships, not of the nodes below, so moving a node changes no
figure; ending it ends its memberships.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.plant.editing import Edit, Name, checked_name, iso, slug_of
from backend.service.plant.memberships import end_of_node
from backend.service.plant.trees import KINDS, ORGANISATION, find_tree

EQUIPMENT: Final = "equipment"
LEVELS: Final = (1, 2, 3)
"""Metering levels of GB 17167: energy-using unit, major secondary unit, major equipment."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stored node, as changes look at it."""

    id: int
    uid: UUID
    slug: str
    tree: str
    kind: str
    name: dict[str, str]
    parent_id: int | None
    level: int | None
    major: bool
    valid_to: datetime | None

    @property
    def outside(self) -> str:
        """Its identity outside."""
        return encode_id("node", self.uid)

    def told(self) -> dict[str, object]:
        """Answer it as the audit keeps it."""
        return {
            "tree": self.tree,
            "kind": self.kind,
            "name": self.name,
            "parent": self.parent_id,
            "level": self.level,
            "major": self.major,
            "valid_to": iso(self.valid_to),
        }


@dataclass(frozen=True, slots=True)
class NewNode:
    """A node to be made; without a parent it is a root of its tree."""

    tree: str
    parent: UUID | None
    kind: str
    name: Name
    level: int | None = None
    major: bool = False


@dataclass(frozen=True, slots=True)
class NodeChange:
    """What a node is to be; what is None stays. `level` 0 takes the level away."""

    name: Name | None = None
    kind: str | None = None
    level: int | None = None
    major: bool | None = None


_SELECT: Final = (
    "SELECT id, uid, slug, tree, kind, name, parent_id, level, major, valid_to FROM node"
    " WHERE project_id = %s"
)


async def find_place(tx: ReadSession, project_id: int, uid: UUID | None) -> Place:
    """Answer a node by its outside identity. NotFound without it."""
    found = await tx.fetch_one(f"{_SELECT} AND uid = %s", (project_id, uid), into=Place)
    if found is None:
        raise NotFound(kind="node")
    return found


async def places_by_id(tx: ReadSession, project_id: int) -> dict[int, Place]:
    """Answer every node of a project by its number."""
    found = await tx.fetch_all(_SELECT, (project_id,), into=Place)
    return {row.id: row for row in found}


async def create_node(edit: Edit, wanted: NewNode) -> Place:
    """Make a node, last among those beside it."""
    tree = await find_tree(edit.tx, edit.project_id, wanted.tree)
    name = checked_name(wanted.name)
    _check(tree.kind, wanted.kind, wanted.level, major=wanted.major)
    places = await places_by_id(edit.tx, edit.project_id)
    parent = _parent(places, wanted.parent, tree.slug)
    if parent is None and tree.kind == ORGANISATION:
        raise Conflict("node_root")
    place = Place(
        0,
        new_uuid(edit.now),
        slug_of(name, wanted.kind, {row.slug for row in places.values()}),
        tree.slug,
        wanted.kind,
        name,
        None if parent is None else parent.id,
        wanted.level,
        wanted.major,
        None,
    )
    await edit.tx.execute(
        "INSERT INTO node (project_id, uid, slug, tree, kind, name, parent_id, level, major,"
        " position) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            edit.project_id,
            place.uid,
            place.slug,
            place.tree,
            place.kind,
            Jsonb(name),
            place.parent_id,
            place.level,
            place.major,
            _last(places, place),
        ),
    )
    await edit.tell("node.create", place.outside, "created", new=place.told())
    return await find_place(edit.tx, edit.project_id, place.uid)


async def change_node(edit: Edit, uid: UUID | None, wanted: NodeChange) -> Place:
    """Call a node something else, or say what it is."""
    before = await find_place(edit.tx, edit.project_id, uid)
    tree = await find_tree(edit.tx, edit.project_id, before.tree)
    after = replace(
        before,
        name=before.name if wanted.name is None else checked_name(wanted.name),
        kind=wanted.kind or before.kind,
        level=before.level if wanted.level is None else (wanted.level or None),
        major=before.major if wanted.major is None else wanted.major,
    )
    _check(tree.kind, after.kind, after.level, major=after.major)
    await edit.tx.execute(
        "UPDATE node SET name = %s, kind = %s, level = %s, major = %s"
        " WHERE project_id = %s AND id = %s",
        (Jsonb(after.name), after.kind, after.level, after.major, edit.project_id, before.id),
    )
    await edit.tell("node.change", before.outside, "changed", before.told(), after.told())
    return after


async def move_node(edit: Edit, uid: UUID | None, to: UUID | None) -> Place:
    """Put a node, with all below it, under another of its tree, or among the roots.

    Conflict where that would make a circle, or where the tree has its single root.
    """
    places = await places_by_id(edit.tx, edit.project_id)
    before = await find_place(edit.tx, edit.project_id, uid)
    tree = await find_tree(edit.tx, edit.project_id, before.tree)
    parent = _parent(places, to, before.tree)
    if tree.kind == ORGANISATION and (parent is None or before.parent_id is None):
        raise Conflict("node_root")
    if parent is not None:
        _refuse_circle(places, before, parent)
    after = replace(before, parent_id=None if parent is None else parent.id)
    await edit.tx.execute(
        "UPDATE node SET parent_id = %s, position = %s WHERE project_id = %s AND id = %s",
        (after.parent_id, _last(places, after), edit.project_id, before.id),
    )
    await edit.tell("node.move", before.outside, "moved", before.told(), after.told())
    return after


async def end_node(edit: Edit, uid: UUID | None, at: datetime | None) -> Place:
    """End a node at an instant, from the next quarter hour on by default; its past stays.

    Its memberships end with it. Conflict while nodes below it go on.
    """
    end = edit.next_quarter() if at is None else edit.allow(at)
    places = await places_by_id(edit.tx, edit.project_id)
    before = await find_place(edit.tx, edit.project_id, uid)
    if before.parent_id is None and before.tree == ORGANISATION:
        raise Conflict("node_root")
    if before.valid_to is not None and before.valid_to <= edit.now:
        raise Conflict("node_ended", name=before.slug)
    for row in places.values():
        if row.parent_id == before.id and (row.valid_to is None or row.valid_to > end):
            raise Conflict("node_has_children", name=row.slug)
    await edit.tx.execute(
        "UPDATE node SET valid_to = %s WHERE project_id = %s AND id = %s",
        (end, edit.project_id, before.id),
    )
    await end_of_node(edit, before.id, end)
    after = replace(before, valid_to=end)
    await edit.tell("node.end", before.outside, "ended", before.told(), after.told())
    return after


def _check(tree_kind: str, kind: str, level: int | None, *, major: bool) -> None:
    if kind not in KINDS[tree_kind]:
        raise InvalidInput("node_kind", known=", ".join(KINDS[tree_kind]))
    if level is not None and level not in LEVELS:
        raise InvalidInput("metering_level")
    if major and kind != EQUIPMENT:
        raise InvalidInput("node_major")


def _parent(places: Mapping[int, Place], uid: UUID | None, tree: str) -> Place | None:
    if uid is None:
        return None
    found = next((row for row in places.values() if row.uid == uid), None)
    if found is None:
        raise NotFound(kind="node")
    if found.tree != tree:
        raise Conflict("node_other_tree", name=found.slug)
    if found.valid_to is not None:
        raise Conflict("node_ended", name=found.slug)
    return found


def _refuse_circle(places: Mapping[int, Place], moved: Place, parent: Place) -> None:
    """Conflict when `parent` is the moved node or lies below it; names the way."""
    way, at = [parent.slug], parent
    while at.id != moved.id:
        if at.parent_id is None:
            return
        at = places[at.parent_id]
        way.append(at.slug)
    raise Conflict("node_circle", way=" → ".join(reversed(way)))


def _last(places: Mapping[int, Place], place: Place) -> int:
    """Answer the position behind those beside it."""
    return sum(
        row.parent_id == place.parent_id and row.tree == place.tree for row in places.values()
    )
