"""Runs prepared operations against the schema and encodes the answers."""

from collections.abc import AsyncIterable, Mapping
from inspect import isawaitable

import orjson
import strawberry
from graphql import ExecutionResult, GraphQLError, execute
from graphql.execution import Executor, create_source_event_stream, execute_subscription_event

from backend.application.graphql.context import Context
from backend.application.graphql.errors import tell
from backend.application.graphql.limits import Documents, Prepared
from backend.application.graphql.plain_fields import PlainFirst

Variables = dict[str, object]


class Engine:
    """The schema with its kept documents: prepares, executes, subscribes."""

    def __init__(self, schema: strawberry.Schema) -> None:
        """Take the strawberry schema."""
        self._schema = schema._schema  # noqa: SLF001 - its graphql-core schema has no other name
        self.documents = Documents(self._schema)

    async def execute(
        self,
        prepared: Prepared,
        variables: Variables | None,
        operation_name: str | None,
        context: Context,
    ) -> ExecutionResult:
        """Answer the result of a query or mutation; errors of the document come first."""
        if prepared.document is None or prepared.errors:
            return ExecutionResult(None, list(prepared.errors))
        result = execute(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            executor_class=PlainFirst,
            hide_suggestions=True,
        )
        return await result if isawaitable(result) else result

    async def source(
        self,
        prepared: Prepared,
        variables: Variables | None,
        operation_name: str | None,
        context: Context,
    ) -> "AsyncIterable[object] | ExecutionResult":
        """Open the source of a subscription, or answer why it cannot be."""
        executor = self._executor(prepared, variables, operation_name, context)
        if not isinstance(executor, Executor):
            return ExecutionResult(None, list(executor))
        source = create_source_event_stream(executor)
        return await source if isawaitable(source) else source

    async def event(
        self,
        prepared: Prepared,
        variables: Variables | None,
        operation_name: str | None,
        context: Context,
        root: object,
    ) -> ExecutionResult:
        """Answer the result of one event of a subscription."""
        executor = self._executor(prepared, variables, operation_name, context)
        if not isinstance(executor, Executor):
            return ExecutionResult(None, list(executor))
        result = execute_subscription_event(executor.build_per_event_executor(root))
        return await result if isawaitable(result) else result

    def _executor(
        self,
        prepared: Prepared,
        variables: Variables | None,
        operation_name: str | None,
        context: Context,
    ) -> "Executor[object] | list[GraphQLError]":
        if prepared.document is None or prepared.errors:
            return list(prepared.errors)
        built = PlainFirst.build(
            self._schema,
            prepared.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation_name,
            hide_suggestions=True,
        )
        return built if isinstance(built, Executor) else list(built)


def encode(result: ExecutionResult, extensions: Mapping[str, object] | None = None) -> bytes:
    """Answer a result as JSON; pre-encoded values go in as they are."""
    answer: dict[str, object] = {"data": result.data}
    if result.errors:
        answer["errors"] = tell(result.errors)
    if extensions:
        answer["extensions"] = extensions
    return orjson.dumps(answer)
