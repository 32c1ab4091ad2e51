"""Trees over the same meters: how the plant is organised, how power flows, and who pays.

Every project has the tree `organisation`, whose single root is the site. What a node may be depends
on its tree's kind; that is data here, nothing else knows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from psycopg.types.json import Jsonb

from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.service.plant.editing import Edit, Name, checked_name, slug_of

ORGANISATION: Final = "organisation"
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "organisation": (
        "site", "workshop", "line", "process", "station", "equipment", "supply",
    ),
    "electrical": ("incomer", "transformer", "busbar", "feeder", "panel"),
    "cost_centre": ("cost_centre",),
}  # fmt: skip
"""Kinds of nodes by kind of tree."""
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One way to group the meters."""

    slug: str
    kind: str
    name: dict[str, str]


async def list_trees(tx: ReadSession, project_id: int) -> list[TreeRow]:
    """Answer a project's trees, the organisation first."""
    return await tx.fetch_all(
        "SELECT slug, kind, name FROM tree WHERE project_id = %s ORDER BY position, slug",
        (project_id,),
        into=TreeRow,
    )


async def find_tree(tx: ReadSession, project_id: int, slug: str) -> TreeRow:
    """Answer one tree. NotFound without it."""
    for row in await list_trees(tx, project_id):
        if row.slug == slug:
            return row
    raise NotFound(kind="tree")


async def create_tree(edit: Edit, kind: str, name: Name) -> TreeRow:
    """Make a tree without nodes. A project has one organisation, and at most `MOST` trees."""
    if kind not in KINDS:
        raise InvalidInput("tree_kind", known=", ".join(KINDS))
    kept = checked_name(name)
    trees = await list_trees(edit.tx, edit.project_id)
    if kind == ORGANISATION or len(trees) >= MOST:
        raise Conflict("tree_most", most=MOST)
    slug = slug_of(kept, kind, {row.slug for row in trees})
    await edit.tx.execute(
        "INSERT INTO tree (project_id, slug, kind, name, position) VALUES (%s, %s, %s, %s, %s)",
        (edit.project_id, slug, kind, Jsonb(kept), len(trees)),
    )
    made = TreeRow(slug, kind, kept)
    await edit.tell("tree.create", slug, "created", new={"kind": kind, "name": kept})
    return made


async def rename_tree(edit: Edit, slug: str, name: Name) -> TreeRow:
    """Call a tree something else."""
    before, kept = await find_tree(edit.tx, edit.project_id, slug), checked_name(name)
    await edit.tx.execute(
        "UPDATE tree SET name = %s WHERE project_id = %s AND slug = %s",
        (Jsonb(kept), edit.project_id, slug),
    )
    await edit.tell("tree.rename", slug, "renamed", {"name": before.name}, {"name": kept})
    return TreeRow(slug, before.kind, kept)
