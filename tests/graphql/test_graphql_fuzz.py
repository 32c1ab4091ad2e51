"""Whatever the schema allows is asked of the running service: no answer is a bug.

schemathesis makes the operations, with fixed seeds; half of the identities in them are of things
that are there. An administrator and a member limited to a workshop ask the same.
"""

from collections.abc import Iterator, Mapping

import pytest
import schemathesis
from graphql import (
    ArgumentNode,
    ObjectFieldNode,
    StringValueNode,
    ValueNode,
    parse,
    print_ast,
    visit,
)
from graphql.language.visitor import Visitor
from hypothesis import strategies as st
from hypothesis_graphql import nodes
from schemathesis.core.result import Ok

from backend.application.budgets import Budgets
from backend.application.graphql.schema import build_schema
from backend.application.web_process import WebProcess
from tests.graphql.conftest import Ask, Client
from tests.graphql.fuzzed import Fuzzed, drawn, fuzzed

__all__ = ["fuzzed"]

FEW, MANY = 1, 50
"""Operations of one field by one person; many with `--long`."""
OF_PROJECT = 40
"""Times as many of `project`, which nearly everything is read from."""
LEFT_OUT = {"Query.viewer", "Mutation.signIn", "Mutation.signOut"}
"""What `project` answers too; ends of the session that asks, and the wait for a password's hash."""
TEXTS = {
    "DateTime": (
        "2026-03-14T16:00:00Z",
        "2026-01-01T00:00:00+08:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ),
    "Date": ("2026-03-15", "0001-01-01", "9999-12-31"),
    "Decimal": ("0", "-1", "12.5", "1E+40", "0.000000001", "NaN", "Infinity"),
    "BigInt": ("0", "-1", "9223372036854775807", "99999999999999999999999"),
    "JSON": ("", "{}", "x"),
    "Instants": ("",),
    "Values": ("",),
}


class _Known(Visitor):
    """Names things that are there: the project everywhere, others in every second operation."""

    def __init__(self, names: Mapping[str, str], *, all_of_them: bool) -> None:
        super().__init__()
        self._names = names if all_of_them else {}
        self._kinds: list[str] = []

    def enter_field(self, node: object, *_: object) -> None:
        self._kinds.append(node.name.value)  # type: ignore[attr-defined]

    def leave_field(self, *_: object) -> None:
        self._kinds.pop()

    def leave_argument(self, node: ArgumentNode, *_: object) -> ArgumentNode:
        return ArgumentNode(name=node.name, value=self._value(node.name.value, node.value))

    def leave_object_field(self, node: ObjectFieldNode, *_: object) -> ObjectFieldNode:
        return ObjectFieldNode(name=node.name, value=self._value(node.name.value, node.value))

    def _value(self, name: str, value: ValueNode) -> ValueNode:
        wanted = self._kinds[-1] if name == "id" else name
        found = "acme" if wanted == "project" else self._names.get(wanted)
        return value if found is None else StringValueNode(value=found)


def operations(schema_text: str, examples: int) -> Iterator[str]:
    """Operations of every field of `Query` and `Mutation` but those left out."""
    for name, texts in TEXTS.items():
        schemathesis.graphql.scalar(name, st.sampled_from(texts).map(nodes.String))
    for found in schemathesis.graphql.from_file(schema_text).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.label not in LEFT_OUT:
            many = OF_PROJECT if operation.label == "Query.project" else 1
            yield from drawn(
                operation.as_strategy().map(lambda case: str(case.body)), examples * many
            )


async def test_nothing_that_the_schema_allows_is_answered_by_a_bug(
    client: Client,
    ask: Ask,
    process: WebProcess,
    fuzzed: Fuzzed,
    pytestconfig: pytest.Config,
) -> None:
    process.budgets = Budgets(10**9, 10**9)
    people = [await client(one) for one in fuzzed.people]
    examples = MANY if pytestconfig.getoption("--long") else FEW
    bugs: list[str] = []
    codes: set[str] = set()
    valid = 0
    for number, body in enumerate(operations(build_schema().as_str(), examples)):
        text = print_ast(
            visit(parse(body), _Known(fuzzed.scene.names, all_of_them=number % 2 == 0))
        )
        for person in people:
            answer = await ask(person, text)
            told = {one["extensions"]["code"] for one in answer.get("errors", [])}  # type: ignore[attr-defined]
            codes |= told
            valid += "graphql_invalid" not in told
            if "internal" in told:
                bugs.append(text)
    assert not bugs, "\n".join(bugs)
    assert {"not_found", "not_allowed"} <= codes
    assert valid > 100, "operations that are not even valid find nothing"
