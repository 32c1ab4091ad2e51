"""Lists that are asked for all the time, compiled: a kept operation becomes one prepared statement.

A kept query of the shape `project(id: $variable) { meters { ... } }` that asks of each meter only
what its row says is answered by a statement that writes each entry's JSON; nothing is executed
field by field. The door is the same, and so are transaction, part of the project and budget. Any
other operation, other variables and every refusal go the usual way, which answers byte for byte the
same (`tests/graphql/test_hot.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, LiteralString
from uuid import UUID

import orjson
from graphql import (
    BooleanValueNode,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

from backend.application.graphql.context import Context, open_project
from backend.application.graphql.limits import Prepared
from backend.core.errors import KilowiseError
from backend.core.ids import encode_id
from gateway.contract.energy import energy_types

_EN: Final = "coalesce(nullif(name->>'en', ''), nullif(name->>'zh-CN', ''), slug)"
NAME: Final[Mapping[str, LiteralString]] = {
    "en": f"to_json({_EN})::text",
    "zh": f"to_json(coalesce(nullif(name->>'zh-CN', ''), {_EN}))::text",
}


def _instant(column: LiteralString) -> LiteralString:
    utc: LiteralString = f"{column} AT TIME ZONE 'UTC'"
    return (
        f"""coalesce('"' || to_char({utc}, 'YYYY-MM-DD"T"HH24:MI:SS') || CASE WHEN"""
        f" to_char({utc}, 'US') = '000000' THEN '' ELSE to_char({utc}, '.US') END || 'Z\"',"
        " 'null')"
    )


def _text(column: LiteralString) -> LiteralString:
    return f"coalesce(to_json({column})::text, 'null')"


COLUMNS: Final[Mapping[str, LiteralString]] = {
    "__typename": "'\"Meter\"'",
    "slug": _text("slug"),
    "energy": _text("energy"),
    "unit": "to_json(%(units)s::jsonb ->> energy)::text",
    "level": "level::text",
    "source": _text("source"),
    "expression": _text("expression"),
    "registerName": _text("register_name"),
    "accuracy": "coalesce('\"' || accuracy || '\"', 'null')",
    "nameplate": "coalesce('\"' || nameplate_per_hour || '\"', 'null')",
    "ownProduct": "own_product::text",
    "role": _text("role"),
    "validFrom": _instant("valid_from"),
    "validTo": _instant("valid_to"),
}
"""What a row says of a meter, by field: SQL of its JSON."""

_FROM: Final = """ FROM meter WHERE project_id = %(project)s
AND (%(ended)s OR valid_to IS NULL OR valid_to > %(now)s) ORDER BY energy, level, slug"""


@dataclass(frozen=True, slots=True)
class HotList:
    """A compiled list of meters; each row is an identity and the JSON of what follows it."""

    variable: str
    ended: bool
    statement: LiteralString

    async def answer(
        self, context: Context, variables: Mapping[str, object] | None
    ) -> ExecutionResult | None:
        """Answer the result, its list as JSON; None where the usual way has to be gone."""
        wanted = (variables or {}).get(self.variable)
        if not isinstance(wanted, str):
            return None
        try:
            door = await open_project(context, wanted)
            if door is None:
                return ExecutionResult({"project": None}, None)
            params = {
                "project": door.project.id,
                "units": _units(),
                "ended": self.ended,
                "now": context.process.platform.clock.now(),
            }
            async with door.read() as tx:
                rows = await tx.fetch_tuples(self.statement, params)
        except KilowiseError:
            return None
        listed = ",".join([f'{{"id":"{_outside(uid)}"{rest}' for uid, rest in rows])
        meters = orjson.Fragment(f"[{listed}]")
        return ExecutionResult({"project": {"meters": meters}}, None)


def compile_list(prepared: Prepared) -> HotList | None:
    """Answer the compiled form of an operation; None for any that is no list of meters' rows."""
    operation = prepared.operation(None)
    if operation is None or operation.operation is not OperationType.QUERY or prepared.errors:
        return None
    project = _only(operation.selection_set, "project")
    meters = None if project is None else _only(project.selection_set, "meters")
    if project is None or meters is None or prepared.document is None:
        return None
    variable = project.arguments[0].value if project.arguments else None
    ended = _ended(meters)
    rest = _rest(meters.selection_set, prepared.document)
    if not isinstance(variable, VariableNode) or ended is None or rest is None:
        return None
    return HotList(variable.name.value, ended, _statement(rest))


def _statement(rest: LiteralString) -> LiteralString:
    return f"SELECT uid::text, {rest}{_FROM}"


def _only(selection: SelectionSetNode | None, name: str) -> FieldNode | None:
    """Answer the one field of a selection, where it is of that name and shown as it."""
    nodes = () if selection is None else selection.selections
    node = nodes[0] if len(nodes) == 1 else None
    named = isinstance(node, FieldNode) and node.name.value == name
    return node if isinstance(node, FieldNode) and named and not _decorated(node) else None


def _decorated(node: FieldNode) -> bool:
    return node.alias is not None or bool(node.directives)


def _ended(meters: FieldNode) -> bool | None:
    if not meters.arguments:
        return False
    value = meters.arguments[0].value
    return value.value if isinstance(value, BooleanValueNode) else None


def _rest(selection: SelectionSetNode | None, document: DocumentNode) -> LiteralString | None:
    """Answer the SQL of an entry's JSON behind its identity, which has to be asked first."""
    first, *others = list(_fields(selection, document)) or [None]
    if first is None or first.name.value != "id" or _decorated(first):
        return None
    parts: list[LiteralString] = []
    for node in others:
        told = None if node is None or _decorated(node) else _told(node)
        if told is None:
            return None
        parts.append(told)
    return _joined([*parts, "'}'"])


def _told(node: FieldNode) -> LiteralString | None:
    """Answer the SQL of a field with its comma and key."""
    if node.name.value == "name":
        name = _name(node)
        return None if name is None else f"""',"name":' || {name}"""
    found = [(key, sql) for key, sql in COLUMNS.items() if key == node.name.value]
    return f"""',"{found[0][0]}":' || {found[0][1]}""" if found else None


def _name(node: FieldNode) -> LiteralString | None:
    parts: list[LiteralString] = []
    comma: LiteralString = "{"
    for one in node.selection_set.selections if node.selection_set else ():
        if not isinstance(one, FieldNode) or _decorated(one):
            return None
        found = [row for row in NAME.items() if row[0] == one.name.value]
        if not found:
            return None
        parts.append(f"""'{comma}"{found[0][0]}":' || {found[0][1]}""")
        comma = ","
    return _joined([*parts, "'}'"])


def _joined(parts: list[LiteralString]) -> LiteralString:
    return " || ".join(parts)


def _fields(
    selection: SelectionSetNode | None, document: DocumentNode
) -> Iterator[FieldNode | None]:
    """Answer the fields of a selection in order, each once; None for what is no plain field."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    seen: set[str] = set()
    for node in () if selection is None else selection.selections:
        if isinstance(node, FragmentSpreadNode) and not node.directives:
            inner = _fields(fragments[node.name.value].selection_set, document)
        else:
            inner = iter([node if isinstance(node, FieldNode) else None])
        for one in inner:
            if one is not None and one.name.value in seen:
                continue
            if one is not None:
                seen.add(one.name.value)
            yield one


@lru_cache(maxsize=20_000)
def _outside(uid: str) -> str:
    """Answer a meter's identity outside; the same one for ever, so it is worked out once."""
    return encode_id("mtr", UUID(uid))


@lru_cache(maxsize=1)
def _units() -> str:
    return orjson.dumps({code: row.unit.code for code, row in energy_types().items()}).decode()
