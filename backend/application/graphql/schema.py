"""The whole schema, merged from its topics; `python -m backend.application.graphql.schema` writes
`schema.graphql` and `schema.zh-CN.graphql`.

A type's and a field's description is the docstring of its class or resolver; what has none and all
Chinese comes from `descriptions`.
"""

import inspect
import re
import sys
from pathlib import Path

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from backend.application.entries import ENGLISH
from backend.application.graphql.access import AccessMutation
from backend.application.graphql.alarms import AlarmMutation, AlarmSubscription
from backend.application.graphql.authority import AuthorityMutation
from backend.application.graphql.by_hand_meters import ByHandMeterMutation
from backend.application.graphql.calendar_changes import CalendarMutation
from backend.application.graphql.calendar_imports import CalendarImportMutation
from backend.application.graphql.closing import ClosingMutation
from backend.application.graphql.commands import CommandMutation, CommandSubscription
from backend.application.graphql.configs import ConfigMutation
from backend.application.graphql.conversions import ConversionMutation
from backend.application.graphql.delegations import DelegationMutation
from backend.application.graphql.demo import DemoMutation, DemoQuery
from backend.application.graphql.descriptions import describe, write_out
from backend.application.graphql.enrolments import EnrolmentMutation
from backend.application.graphql.equipment import EquipmentMutation
from backend.application.graphql.exporting import ExportMutation
from backend.application.graphql.factors import FactorMutation
from backend.application.graphql.forgetting import ForgettingMutation
from backend.application.graphql.founding import FoundingMutation, FoundingQuery
from backend.application.graphql.group_changes import GroupMutation
from backend.application.graphql.group_consents import ConsentMutation
from backend.application.graphql.groups import GroupQuery
from backend.application.graphql.hands import HandMutation
from backend.application.graphql.imports import ImportSubscription
from backend.application.graphql.invitations import InvitationQuery
from backend.application.graphql.joining import InvitationMutation
from backend.application.graphql.linked import LinkedMutation, LinkedQuery
from backend.application.graphql.live import LiveSubscription
from backend.application.graphql.memberships import MembershipMutation
from backend.application.graphql.meter_changes import MeterMutation
from backend.application.graphql.mqtt_credentials import MqttMutation
from backend.application.graphql.node_powers import NodePowersSubscription
from backend.application.graphql.operating import OperatingMutation, OperatingQuery
from backend.application.graphql.passkeys import PasskeyMutation
from backend.application.graphql.people import PeopleMutation, PeopleQuery
from backend.application.graphql.posts import PostMutation
from backend.application.graphql.projects import ProjectQuery
from backend.application.graphql.proving import ProvingMutation
from backend.application.graphql.push import PushMutation
from backend.application.graphql.registers import RegisterMutation
from backend.application.graphql.restatements import (
    RestatementMutation,
    RestatementSubscription,
)
from backend.application.graphql.scalars import SCALARS
from backend.application.graphql.second_factor import SecondFactorMutation
from backend.application.graphql.sign_ups import SignUpMutation, SignUpQuery
from backend.application.graphql.stocks import StockMutation
from backend.application.graphql.summary import SummarySubscription
from backend.application.graphql.support import SupportMutation
from backend.application.graphql.taking import TakingMutation, TakingQuery
from backend.application.graphql.traits import TraitsMutation
from backend.application.graphql.trees import TreeMutation
from backend.application.graphql.updates import UpdateMutation
from backend.application.graphql.webhooks import WebhookMutation
from backend.core.texts import LOCALES

Query = merge_types(
    "Query",
    (
        PeopleQuery,
        LinkedQuery,
        InvitationQuery,
        TakingQuery,
        ProjectQuery,
        FoundingQuery,
        GroupQuery,
        OperatingQuery,
        SignUpQuery,
        DemoQuery,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        PeopleMutation,
        PasskeyMutation,
        ProvingMutation,
        SecondFactorMutation,
        LinkedMutation,
        AuthorityMutation,
        AccessMutation,
        MqttMutation,
        WebhookMutation,
        InvitationMutation,
        PostMutation,
        ForgettingMutation,
        DelegationMutation,
        TakingMutation,
        FoundingMutation,
        ClosingMutation,
        ExportMutation,
        OperatingMutation,
        SignUpMutation,
        GroupMutation,
        ConsentMutation,
        TraitsMutation,
        AlarmMutation,
        CalendarMutation,
        CalendarImportMutation,
        CommandMutation,
        ConfigMutation,
        PushMutation,
        DemoMutation,
        EnrolmentMutation,
        EquipmentMutation,
        SupportMutation,
        UpdateMutation,
        FactorMutation,
        RestatementMutation,
        TreeMutation,
        MeterMutation,
        MembershipMutation,
        StockMutation,
        HandMutation,
        ByHandMeterMutation,
        RegisterMutation,
        ConversionMutation,
    ),
)
Subscription = merge_types(
    "Subscription",
    (
        LiveSubscription,
        NodePowersSubscription,
        SummarySubscription,
        AlarmSubscription,
        ImportSubscription,
        CommandSubscription,
        RestatementSubscription,
    ),
)

_DEFINITION = "strawberry-definition"


def build_schema() -> strawberry.Schema:
    """Answer the schema of query, mutation and subscription, told in the reader's language."""
    schema = _coded_schema()
    describe(core_schema(schema))
    return schema


def written_schema(language: str = ENGLISH) -> str:
    """Answer the schema's own text with descriptions in one language."""
    schema = _coded_schema()
    write_out(core_schema(schema), language)
    return schema.as_str() + "\n"


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Answer the graphql-core schema inside a strawberry schema."""
    return schema._schema  # noqa: SLF001 - it has no public name


def _coded_schema() -> strawberry.Schema:
    """Answer the schema as the code describes it, so that each thing is explained in one place."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    for kind in core_schema(schema).type_map.values():
        definition = kind.extensions.get(_DEFINITION)
        if isinstance(definition, StrawberryEnumDefinition):
            kind.description = kind.description or _sentence(definition.wrapped_cls.__doc__)
        if isinstance(definition, StrawberryObjectDefinition):
            kind.description = kind.description or _sentence(definition.origin.__doc__)
        if isinstance(kind, GraphQLObjectType):
            _take_docstrings(kind)
    return schema


def _take_docstrings(kind: GraphQLObjectType) -> None:
    for field in kind.fields.values():
        found = field.extensions.get(_DEFINITION)
        if isinstance(found, StrawberryField) and found.base_resolver is not None:
            doc = found.base_resolver.wrapped_func.__doc__
            field.description = field.description or _sentence(doc)


def _sentence(doc: str | None) -> str | None:
    # A dataclass without a docstring gets its signature as one.
    return None if not doc or re.match(r"\w+\(", doc) else inspect.cleandoc(doc)


def main() -> None:
    """Write the schema in each language into the folder named, or here."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    for language in LOCALES:
        name = "schema.graphql" if language == ENGLISH else f"schema.{language}.graphql"
        (folder / name).write_text(written_schema(language), encoding="utf-8")


if __name__ == "__main__":
    main()
