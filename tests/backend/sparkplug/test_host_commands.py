"""What the host sends to nodes: acknowledgements, rebirth requests (Sparkplug 3.0, 4.2, 5.17)."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, decode
from gateway.messages import node_birth
from tests.backend.acquisition_edge import NOW_MS
from tests.backend.sparkplug.session import HOUR_MS, Recording
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.tap import Published

Claim = Callable[[Recording], None]
BORN = {metric.name: metric for metric in decode(node_birth(0, 1, 0, 0, NOW_MS)).metrics}
"""What a gateway's NBIRTH declares: the metrics that a command may write."""
VALUES = {
    Datatype.STRING: str,
    Datatype.INT64: int,
    Datatype.BOOLEAN: bool,
}


def commands(recording: Recording) -> list[tuple[Published, Payload]]:
    found = recording.commands()
    assert len(found) >= 4
    return found


def metrics(recording: Recording) -> list[Metric]:
    return [metric for _, payload in commands(recording) for metric in payload.metrics]


def rebirth(recording: Recording) -> tuple[Published, Metric]:
    """The one that was asked for, after an alias that no birth had."""
    [(packet, payload)] = [
        (packet, payload)
        for packet, payload in commands(recording)
        if topics.REBIRTH in {metric.name for metric in payload.metrics}
    ]
    [metric] = payload.metrics
    return packet, metric


def topic_is_the_nodes(recording: Recording) -> None:
    assert {packet.topic for packet, _ in commands(recording)} == {"spBv1.0/a/NCMD/g1"}


def namespace_and_structure(recording: Recording) -> None:
    for packet, _ in commands(recording):
        assert topics.parse(packet.topic) == topics.NodeTopic("a", "NCMD", "g1")
    assert {wire.will.topic for wire in recording.speakers} == {"spBv1.0/STATE/kilowise"}


def no_device_level(recording: Recording) -> None:
    assert {packet.topic.count("/") for packet, _ in commands(recording)} == {3}
    for wire in recording.speakers:
        assert {packet.topic.count("/") for packet in wire.published} == {2}


def qos_is_0(recording: Recording) -> None:
    assert {packet.qos for packet, _ in commands(recording)} == {0}


def retain_is_false(recording: Recording) -> None:
    assert {packet.retain for packet, _ in commands(recording)} == {False}


def mqtt_is_plain(recording: Recording) -> None:
    qos_is_0(recording)
    retain_is_false(recording)


def says_when_it_is(recording: Recording) -> None:
    """Each command the hour it was sent in, by the platform's clock."""
    times = [payload.timestamp for _, payload in commands(recording)]
    assert {NOW_MS, NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS} == set(times)
    assert all(before <= after for before, after in pairwise([t or 0 for t in times]))


def metric_times_are_the_payloads(recording: Recording) -> None:
    for _, payload in commands(recording):
        assert {metric.timestamp for metric in payload.metrics} == {payload.timestamp}


def no_sequence(recording: Recording) -> None:
    assert {payload.seq for _, payload in commands(recording)} == {None}


def names_what_to_write(recording: Recording) -> None:
    found = [tuple(metric.name for metric in payload.metrics) for _, payload in commands(recording)]
    assert set(found) == {(topics.EXT_COMMITTED, topics.EXT_TIME), (topics.REBIRTH,)}


def names_are_of_the_birth(recording: Recording) -> None:
    assert {metric.name for metric in metrics(recording)} <= BORN.keys()


def no_alias_where_the_birth_has_none(recording: Recording) -> None:
    assert {metric.alias for metric in BORN.values()} == {None}
    assert {metric.alias for metric in metrics(recording)} == {None}


def values_fit_the_birth(recording: Recording) -> None:
    for metric in metrics(recording):
        born = BORN[metric.name].datatype
        assert born is not None
        assert metric.datatype == born
        assert type(metric.value) is VALUES[born]


def datatypes_are_known(recording: Recording) -> None:
    for metric in metrics(recording):
        assert metric.datatype in {Datatype.STRING, Datatype.INT64, Datatype.BOOLEAN}


def rebirth_is_an_ncmd(recording: Recording) -> None:
    assert rebirth(recording)[0].topic == "spBv1.0/a/NCMD/g1"


def rebirth_has_its_name(recording: Recording) -> None:
    assert rebirth(recording)[1].name == "Node Control/Rebirth"


def rebirth_is_true(recording: Recording) -> None:
    assert rebirth(recording)[1].value is True


def no_dcmd(recording: Recording) -> None:
    """The host sends none, so that no rule about them can be broken.

    What a device is to do goes to its node, which journals the command and its result.
    """
    kinds = {packet.topic.split("/")[2] for packet, _ in commands(recording)}
    assert kinds == {topics.NCMD}


COMMANDS = "operational-behavior-data-commands"
DCMD = (
    "topics-dcmd-topic",
    "topics-dcmd-mqtt",
    "topics-dcmd-timestamp",
    "topics-dcmd-payload",
    f"{COMMANDS}-dcmd-verb",
    f"{COMMANDS}-dcmd-metric-name",
    f"{COMMANDS}-dcmd-metric-value",
    "payloads-dcmd-timestamp",
    "payloads-dcmd-seq",
    "payloads-dcmd-qos",
    "payloads-dcmd-retain",
)
CLAIMS: dict[str, Claim] = {
    "topic-structure": namespace_and_structure,
    "topic-structure-namespace-a": namespace_and_structure,
    "topic-structure-namespace-device-id-non-associated-message-types": no_device_level,
    "topics-ncmd-topic": topic_is_the_nodes,
    "topics-ncmd-mqtt": mqtt_is_plain,
    "topics-ncmd-timestamp": says_when_it_is,
    "topics-ncmd-payload": names_what_to_write,
    f"{COMMANDS}-ncmd-rebirth-verb": rebirth_is_an_ncmd,
    f"{COMMANDS}-ncmd-rebirth-name": rebirth_has_its_name,
    f"{COMMANDS}-ncmd-rebirth-value": rebirth_is_true,
    f"{COMMANDS}-ncmd-verb": topic_is_the_nodes,
    f"{COMMANDS}-ncmd-metric-name": names_are_of_the_birth,
    f"{COMMANDS}-ncmd-metric-value": values_fit_the_birth,
    "payloads-timestamp-in-UTC": says_when_it_is,
    "payloads-name-requirement": names_what_to_write,
    "payloads-alias-data-cmd-requirement": no_alias_where_the_birth_has_none,
    "payloads-name-cmd-requirement": metric_times_are_the_payloads,
    "payloads-metric-timestamp-in-UTC": metric_times_are_the_payloads,
    "payloads-metric-datatype-value-type": datatypes_are_known,
    "payloads-metric-datatype-value": datatypes_are_known,
    "payloads-ncmd-timestamp": says_when_it_is,
    "payloads-ncmd-seq": no_sequence,
    "payloads-ncmd-qos": qos_is_0,
    "payloads-ncmd-retain": retain_is_false,
    **dict.fromkeys(DCMD, no_dcmd),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_host_commands(recording: Recording, claim: Claim) -> None:
    claim(recording)
