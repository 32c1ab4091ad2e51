"""What a project says of its time, read for the pure rules: tree, states, patterns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from backend.aggregation.operating import Entry, Rules, State
from backend.aggregation.shifts import DatedPattern, read_pattern
from backend.aggregation.statutory import statutory
from backend.core.db import ReadSession

Parents = Mapping[int, int | None]


async def read_parents(tx: ReadSession, project_id: int) -> dict[int, int | None]:
    """Answer the parent of every node of every tree."""
    rows = await tx.fetch_tuples(
        "SELECT id, parent_id FROM node WHERE project_id = %s", (project_id,)
    )
    return {row[0]: row[1] for row in rows}


def chain_of(parents: Parents, node: int) -> tuple[int, ...]:
    """Answer a node and its ancestors, nearest first; a circle ends where it closes."""
    chain = [node]
    above = parents.get(node)
    while above is not None and above not in chain:
        chain.append(above)
        above = parents.get(above)
    return tuple(chain)


def below(parents: Parents, node: int) -> list[int]:
    """Answer a node and every node below it."""
    return [one for one in parents if node in chain_of(parents, one)]


async def read_rules(tx: ReadSession, project_id: int) -> Rules:
    """Answer the project's weekday rule and statutory calendar. Raises LookupError."""
    row = await tx.fetch_one(
        "SELECT calendar, rest_weekdays FROM project WHERE id = %s", (project_id,)
    )
    if row is None:
        raise LookupError(f"no project {project_id}")
    calendar = None if row["calendar"] is None else statutory(row["calendar"])
    return Rules(frozenset(row["rest_weekdays"]), calendar)


async def read_entries(
    tx: ReadSession,
    project_id: int,
    first: datetime,
    last: datetime,
    nodes: Iterable[int] | None = None,
) -> list[Entry]:
    """Answer the states entered for some nodes (all by default) that overlap [first, last)."""
    rows = await tx.fetch_all(
        "SELECT id, uid, node_id, state, start_ts, end_ts, first_day IS NOT NULL AS whole_days,"
        " de_energised, note FROM operating_state WHERE project_id = %(project)s"
        " AND start_ts < %(last)s AND end_ts > %(first)s"
        " AND (%(nodes)s::bigint[] IS NULL OR node_id = ANY(%(nodes)s)) ORDER BY start_ts, id",
        {
            "project": project_id,
            "first": first,
            "last": last,
            "nodes": None if nodes is None else list(nodes),
        },
    )
    return [
        Entry(
            row["id"],
            row["uid"],
            row["node_id"],
            State(row["state"]),
            row["start_ts"],
            row["end_ts"],
            row["whole_days"],
            row["de_energised"],
            row["note"],
        )
        for row in rows
    ]


async def read_patterns(
    tx: ReadSession, project_id: int, nodes: Sequence[int] | None = None
) -> dict[int, list[DatedPattern]]:
    """Answer the dated patterns of each node that has any of its own, oldest first."""
    rows = await tx.fetch_tuples(
        "SELECT node_id, rule, valid_from, valid_to FROM shift_pattern"
        " WHERE project_id = %(project)s"
        " AND (%(nodes)s::bigint[] IS NULL OR node_id = ANY(%(nodes)s))"
        " ORDER BY node_id, valid_from",
        {"project": project_id, "nodes": None if nodes is None else list(nodes)},
    )
    found: dict[int, list[DatedPattern]] = {}
    for node, rule, first, last in rows:
        found.setdefault(node, []).append(DatedPattern(read_pattern(rule), first, last))
    return found
