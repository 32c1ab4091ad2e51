"""Payloads, metrics, properties, data sets and templates (Sparkplug 3.0, 6.4.5 to 6.4.15)."""

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.contract import sparkplug_pb2 as wire
from gateway.contract import topics
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.claims import YEAR_2026_MS, YEAR_2100_MS, Claim, some
from tests.gateway.sparkplug.session import MANY, SDM630, Message, Recording

BIRTHS = (topics.NBIRTH, topics.DBIRTH)
DATA = (topics.NDATA, topics.DDATA)
DATATYPES = range(1, 35)
"""Int8 .. DateTimeArray (6.4.16)."""
PROPERTY_TYPES = {*range(1, 15), 20, 21}
"""The basic types, and property sets (6.4.9)."""


def metrics(recording: Recording, *kinds: str) -> list[tuple[Message, wire.Metric]]:
    return [(one, metric) for one in some(recording, *kinds) for metric in one.payload.metrics]


def properties(recording: Recording) -> list[tuple[wire.Metric, str, wire.PropertyValue]]:
    found = [
        (metric, key, value)
        for _, metric in metrics(recording, *BIRTHS, *DATA)
        for key, value in zip(metric.properties.keys, metric.properties.values, strict=True)
    ]
    assert found
    return found


def payload_times_are_utc(recording: Recording) -> None:
    for message in recording.messages():
        assert YEAR_2026_MS < message.payload.timestamp < YEAR_2100_MS


def metric_times_are_utc(recording: Recording) -> None:
    for message, metric in metrics(recording, *BIRTHS, *DATA):
        assert YEAR_2026_MS < metric.timestamp < YEAR_2100_MS
        assert metric.timestamp <= message.payload.timestamp


def sequence_always(recording: Recording) -> None:
    for message in recording.messages():
        assert message.payload.HasField("seq") == (message.place.kind != topics.NDEATH)


def sequence_begins_at_0(recording: Recording) -> None:
    assert {message.payload.seq for message in some(recording, topics.NBIRTH)} == {0}


def sequence_goes_round(recording: Recording) -> None:
    """Over all of the first session, which has more messages than numbers."""
    first = next(recording.sessions())
    rebirth = next(at for at, m in enumerate(first) if at and m.place.kind == topics.NBIRTH)
    assert rebirth > MANY
    assert [m.payload.seq for m in first[:rebirth]] == [n % 256 for n in range(rebirth)]
    assert [m.payload.seq for m in first[rebirth:]] == list(range(len(first) - rebirth))


def named_or_aliased(recording: Recording) -> None:
    for _, metric in metrics(recording, *BIRTHS, *DATA):
        assert metric.HasField("name") or metric.HasField("alias")


def aliases_are_unique(recording: Recording) -> None:
    for messages in recording.sessions():
        owners: dict[int, set[tuple[str | None, str]]] = {}
        for message in messages:
            if message.place.kind in BIRTHS:
                for metric in message.payload.metrics:
                    if metric.HasField("alias"):
                        owner = (message.place.device, metric.name)
                        owners.setdefault(metric.alias, set()).add(owner)
        assert len(owners) == 2 * len(SDM630.points)
        assert all(len(found) == 1 for found in owners.values())


def births_have_names(recording: Recording) -> None:
    for _, metric in metrics(recording, *BIRTHS):
        assert metric.name


def aliased_data_have_no_names(recording: Recording) -> None:
    """A metric that was born with an alias goes by it alone."""
    aliased = {
        m.name
        for b in recording.messages(*BIRTHS)
        for m in b.payload.metrics
        if m.HasField("alias")
    }
    for _, metric in metrics(recording, *DATA):
        assert metric.HasField("alias") != metric.HasField("name")
        assert metric.name not in aliased


def times_everywhere(recording: Recording) -> None:
    for _, metric in metrics(recording, *BIRTHS, *DATA):
        assert metric.HasField("timestamp")


def datatypes_are_known(recording: Recording) -> None:
    for _, metric in metrics(recording, *BIRTHS):
        assert metric.datatype in DATATYPES


def births_have_datatypes(recording: Recording) -> None:
    for _, metric in metrics(recording, *BIRTHS):
        assert metric.HasField("datatype")


def data_have_no_datatypes(recording: Recording) -> None:
    for _, metric in metrics(recording, topics.DDATA):
        assert not metric.HasField("datatype")


def keys_match_values(recording: Recording) -> None:
    for _, metric in metrics(recording, *BIRTHS, *DATA):
        assert len(metric.properties.keys) == len(metric.properties.values)


def property_types_are_known(recording: Recording) -> None:
    for _, key, value in properties(recording):
        assert value.type in PROPERTY_TYPES, key


def properties_have_types(recording: Recording) -> None:
    for _, key, value in properties(recording):
        assert value.HasField("type"), key


def qualities(recording: Recording) -> list[wire.PropertyValue]:
    found = [value for _, key, value in properties(recording) if key == "Quality"]
    assert found, "the power factor of m1 had no value"
    return found


def quality_is_an_int32(recording: Recording) -> None:
    assert {value.type for value in qualities(recording)} == {3}


def quality_is_a_code(recording: Recording) -> None:
    for value in qualities(recording):
        assert value.WhichOneof("value") == "int_value"
        assert value.int_value in {0, 192, 500}


def no_data_set_and_no_template(recording: Recording) -> None:
    """A gateway of meters sends neither, so that no rule about them can be broken.

    Field 17 of a metric is a data set, 18 a template; our own schema does not have them, so they
    would be unknown fields.
    """
    for _, metric in metrics(recording, *BIRTHS, *DATA):
        assert metric.datatype not in {16, 19}
        assert len(UnknownFieldSet(metric)) == 0


def names_differ_in_more_than_case(recording: Recording) -> None:
    for message in some(recording, *BIRTHS):
        assert len({name.lower() for name in message.names}) == len(message.names)


SETS_AND_TEMPLATES = (
    "topics-nbirth-templates",
    "payloads-dataset-column-size",
    "payloads-dataset-column-num-headers",
    "payloads-dataset-types-def",
    "payloads-dataset-types-num",
    "payloads-dataset-types-type",
    "payloads-dataset-types-value",
    "payloads-dataset-parameter-type-req",
    "payloads-template-dataset-value",
    "payloads-template-definition-nbirth-only",
    "payloads-template-definition-is-definition",
    "payloads-template-definition-ref",
    "payloads-template-definition-members",
    "payloads-template-definition-nbirth",
    "payloads-template-definition-parameters",
    "payloads-template-definition-parameters-default",
    "payloads-template-instance-is-definition",
    "payloads-template-instance-ref",
    "payloads-template-instance-members",
    "payloads-template-instance-members-birth",
    "payloads-template-instance-members-data",
    "payloads-template-instance-parameters",
    "payloads-template-version",
    "payloads-template-ref-definition",
    "payloads-template-ref-instance",
    "payloads-template-is-definition",
    "payloads-template-is-definition-definition",
    "payloads-template-is-definition-instance",
    "payloads-template-parameter-name-required",
    "payloads-template-parameter-name-type",
    "payloads-template-parameter-value-type",
    "payloads-template-parameter-type-value",
    "payloads-template-parameter-type-req",
    "payloads-template-parameter-value",
)
CLAIMS: dict[str, Claim] = {
    "case-sensitivity-metric-names": names_differ_in_more_than_case,
    "payloads-timestamp-in-UTC": payload_times_are_utc,
    "payloads-sequence-num-always-included": sequence_always,
    "payloads-sequence-num-zero-nbirth": sequence_begins_at_0,
    "payloads-sequence-num-incrementing": sequence_goes_round,
    "payloads-name-requirement": named_or_aliased,
    "payloads-alias-uniqueness": aliases_are_unique,
    "payloads-alias-birth-requirement": births_have_names,
    "payloads-alias-data-cmd-requirement": aliased_data_have_no_names,
    "payloads-name-birth-data-requirement": times_everywhere,
    "payloads-metric-timestamp-in-UTC": metric_times_are_utc,
    "payloads-metric-datatype-value-type": datatypes_are_known,
    "payloads-metric-datatype-value": datatypes_are_known,
    "payloads-metric-datatype-req": births_have_datatypes,
    "payloads-metric-datatype-not-req": data_have_no_datatypes,
    "payloads-propertyset-keys-array-size": keys_match_values,
    "payloads-propertyset-values-array-size": keys_match_values,
    "payloads-metric-propertyvalue-type-type": property_types_are_known,
    "payloads-metric-propertyvalue-type-value": property_types_are_known,
    "payloads-metric-propertyvalue-type-req": properties_have_types,
    "payloads-propertyset-quality-value-type": quality_is_an_int32,
    "payloads-propertyset-quality-value-value": quality_is_a_code,
    **dict.fromkeys(SETS_AND_TEMPLATES, no_data_set_and_no_template),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_payload(recording: Recording, claim: Claim) -> None:
    claim(recording)
