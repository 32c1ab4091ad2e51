"""Limits of one operation: tokens, depth and aliases, checked once a document; and its price.

The rules are made once and validated documents are kept, so that a known operation costs neither
parsing nor validation.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    parse,
    specified_rules,
    validate,
)

from backend.application.graphql.cost import Priced, Variables, priced

MAX_TOKENS = 2_000
MAX_DEPTH = 12
MAX_ALIASES = 30
MAX_TEXT = 20_000
"""Characters of an operation's text."""
KEPT_DOCUMENTS = 500
MAX_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that was parsed and validated, or what is wrong with it."""

    text: str
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    prices: Mapping[str | None, Priced] = field(default_factory=dict)
    """What its operations cost, by name."""

    def cost(self, name: str | None, variables: Variables | None) -> int:
        """Answer what the operation of that name, or the only one, costs; 0 when there is none."""
        operation = self.operation(name)
        if operation is None or not self.prices:
            return 0
        named = operation.name.value if operation.name else None
        return self.prices[named].at(variables)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Answer the operation of that name, or the only one; None when there is none."""
        found = [
            node
            for node in (self.document.definitions if self.document else ())
            if isinstance(node, OperationDefinitionNode)
            and (name is None or (node.name is not None and node.name.value == name))
        ]
        return found[0] if len(found) == 1 else None


class LimitRule(ValidationRule):
    """Refuses operations that nest too deep or repeat fields under too many aliases."""

    context: ValidationContext

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Measure one operation with the fragments it uses."""
        depth, aliases = self._measure(node.selection_set, {})
        if depth > MAX_DEPTH:
            self.report_error(_limit("graphql_too_deep", node, limit=MAX_DEPTH, found=depth))
        if aliases > MAX_ALIASES:
            self.report_error(_limit("graphql_aliases", node, limit=MAX_ALIASES, found=aliases))

    def _measure(
        self, selections: SelectionSetNode, fragments: dict[str, tuple[int, int]]
    ) -> tuple[int, int]:
        """Answer the depth below and the aliases in it; each fragment is measured once."""
        deepest = aliases = 0
        for node in selections.selections:
            if isinstance(node, FragmentSpreadNode):
                depth, more = self._measure_fragment(node.name.value, fragments)
            elif isinstance(node, FieldNode):
                depth, more = self._measure_field(node, fragments)
            elif isinstance(node, InlineFragmentNode):
                depth, more = self._measure(node.selection_set, fragments)
            else:
                continue
            deepest, aliases = max(deepest, depth), aliases + more
        return deepest, aliases

    def _measure_field(
        self, node: FieldNode, fragments: dict[str, tuple[int, int]]
    ) -> tuple[int, int]:
        if node.name.value.startswith("__"):
            return 0, 0
        depth, aliases = 0, 0
        if node.selection_set is not None:
            depth, aliases = self._measure(node.selection_set, fragments)
        return 1 + depth, aliases + (node.alias is not None)

    def _measure_fragment(
        self, name: str, fragments: dict[str, tuple[int, int]]
    ) -> tuple[int, int]:
        if name not in fragments:
            fragments[name] = (0, 0)  # a fragment within itself: another rule refuses it
            fragment: FragmentDefinitionNode | None = self.context.get_fragment(name)
            if fragment is not None:
                fragments[name] = self._measure(fragment.selection_set, fragments)
        return fragments[name]


def _limit(code: str, node: OperationDefinitionNode | None, **params: int) -> GraphQLError:
    return GraphQLError(code, node, extensions={"code": code, "params": params})


RULES = (*specified_rules, LimitRule)


class Documents:
    """Parses and validates operations, and keeps those that were used last."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Take the schema that documents are validated against."""
        self._schema = schema
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        """Answer the document, from memory when it was seen before."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        prepared = self._validated(text)
        self._kept[text] = prepared
        if len(self._kept) > KEPT_DOCUMENTS:
            self._kept.popitem(last=False)
        return prepared

    def _validated(self, text: str) -> Prepared:
        if len(text) > MAX_TEXT:
            error = GraphQLError(
                "graphql_too_long",
                extensions={"code": "graphql_too_long", "params": {"limit": MAX_TEXT}},
            )
            return Prepared("", None, (error,))
        try:
            document = parse(text, no_location=False, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            return Prepared(text, None, (error,))
        try:
            errors = validate(self._schema, document, RULES, max_errors=MAX_ERRORS)
        except RecursionError:
            errors = [_limit("graphql_too_deep", None, limit=MAX_DEPTH)]
        return Prepared(text, document, tuple(errors), {} if errors else self._priced(document))

    def _priced(self, document: DocumentNode) -> dict[str | None, Priced]:
        return {
            node.name.value if node.name else None: priced(self._schema, document, node)
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }


def is_query(prepared: Prepared, name: str | None) -> bool:
    """Tell whether the chosen operation only reads; what is no operation at all does."""
    operation = prepared.operation(name)
    return operation is None or operation.operation is OperationType.QUERY


def is_subscription(prepared: Prepared, name: str | None) -> bool:
    """Tell whether the chosen operation is a subscription."""
    operation = prepared.operation(name)
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION
