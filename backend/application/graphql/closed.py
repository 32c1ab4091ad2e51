"""Answers about periods that are over: a browser may keep them, and asks whether they still hold.

An answer is closed when everything asked of the project is a field over a span of time (`start`
and `end`, or within `input`) and each of its entries says an `end` that has passed. What is kept is
never shown without asking: accounts of the past change by late readings and restatements, and then
the entity tag differs. The tag hangs on who asks, so that it is good in one session only.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime

from graphql import ExecutionResult, FieldNode, ObjectValueNode, OperationDefinitionNode, ValueNode

from backend.application.graphql.limits import Prepared
from backend.service.people.sessions import Caller

SPAN = {"start", "end"}


def is_closed(
    prepared: Prepared,
    variables: Mapping[str, object] | None,
    result: ExecutionResult,
    now: datetime,
) -> bool:
    """Tell whether a query's answer is about periods alone that are over at `now`."""
    operation = prepared.operation(None)
    if operation is None or result.errors or not result.data:
        return False
    told = list(_told(operation, variables or {}, result.data))
    return bool(told) and all(end is not None and end <= now for end in told)


def entity_tag(caller: Caller, body: bytes) -> str:
    """Answer the tag of an answer to one session or key (weak: gzip changes its bytes)."""
    return f'W/"{hashlib.blake2b(body, digest_size=16, key=caller.token_hash).hexdigest()}"'


def _told(
    operation: OperationDefinitionNode, variables: Mapping[str, object], data: Mapping[str, object]
) -> Iterator[datetime | None]:
    """Answer the end of each entry; None for anything that is no span of time."""
    for root in operation.selection_set.selections:
        if not isinstance(root, FieldNode) or root.name.value != "project":
            yield None
            continue
        project = data.get(_shown(root))
        if not isinstance(project, dict) or root.selection_set is None:
            yield None
            continue
        for field in root.selection_set.selections:
            if not isinstance(field, FieldNode) or not _over_time(field, variables):
                yield None
            else:
                yield from _ends(project.get(_shown(field)))


def _shown(field: FieldNode) -> str:
    return field.alias.value if field.alias else field.name.value


def _over_time(field: FieldNode, variables: Mapping[str, object]) -> bool:
    said = {one.name.value: one.value for one in field.arguments or ()}
    return said.keys() >= SPAN or _names(said.get("input"), variables) >= SPAN


def _names(node: ValueNode | None, variables: Mapping[str, object]) -> set[str]:
    if isinstance(node, ObjectValueNode):
        return {one.name.value for one in node.fields}
    given = variables.get(getattr(getattr(node, "name", None), "value", ""))
    return set(given) if isinstance(given, dict) else set()


def _ends(entries: object) -> Iterator[datetime | None]:
    for entry in entries if isinstance(entries, list) else [entries]:
        end = entry.get("end") if isinstance(entry, dict) else None
        yield datetime.fromisoformat(end) if isinstance(end, str) else end
