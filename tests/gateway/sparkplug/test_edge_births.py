"""NBIRTH and DBIRTH of an edge node (Sparkplug 3.0, 4.2, 5.4, 5.6, 5.16, 6.4.19, 6.4.20)."""

import pytest

from gateway.contract import topics
from gateway.contract.sparkplug import Datatype
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.claims import (
    Claim,
    both,
    is_sequenced,
    is_stamped,
    mqtt_is_plain,
    parses,
    qos_is_0,
    retain_is_false,
    some,
)
from tests.gateway.sparkplug.session import GROUP, NODE, Message, Recording, bdseq_of_will
from tests.gateway.sparkplug.tap import Connected

BIRTHS = (topics.NBIRTH, topics.DBIRTH)


def first_messages_are_births(recording: Recording) -> None:
    for messages in recording.sessions():
        assert [m.place.kind for m in messages[:3]] == ["NBIRTH", "DBIRTH", "DBIRTH"]


def connected_before_births(recording: Recording) -> None:
    for session in recording.wires:
        assert [isinstance(packet, Connected) for packet in session.up[:2]] == [True, False]


def nbirth_before_dbirth(recording: Recording) -> None:
    for messages in recording.sessions():
        assert messages[0].place.kind == topics.NBIRTH


def dbirths_before_data(recording: Recording) -> None:
    """Each complete birth ends before the first data that follow it."""
    for messages in recording.sessions():
        kinds = [m.place.kind for m in messages]
        for at in [index for index, kind in enumerate(kinds) if kind == topics.NBIRTH]:
            assert kinds[at + 1 : at + 3] == [topics.DBIRTH, topics.DBIRTH]


def seq_is_0(recording: Recording) -> None:
    for message in some(recording, topics.NBIRTH):
        assert message.payload.HasField("seq")
        assert message.payload.seq == 0


def seq_is_a_byte(recording: Recording) -> None:
    for message in some(recording, *BIRTHS):
        assert message.payload.HasField("seq")
        assert 0 <= message.payload.seq <= 255


def covers_all_data(birth: str, data: str) -> Claim:
    """Every metric that data ever report was in the birth before."""

    def claim(recording: Recording) -> None:
        some(recording, data)
        for messages in recording.sessions():
            born: dict[str | None, Message] = {}
            for message in messages:
                if message.place.kind == birth:
                    born[message.place.device] = message
                elif message.place.kind == data:
                    assert metrics_of(message) <= metrics_of(born[message.place.device], every=True)

    return claim


def metrics_of(message: Message, *, every: bool = False) -> set[str | int]:
    """What identifies its metrics: alias or name (`every`: both)."""
    found: set[str | int] = set()
    for metric in message.payload.metrics:
        if metric.HasField("alias"):
            found.add(metric.alias)
        if every or not metric.HasField("alias"):
            found.add(metric.name)
    return found


def metrics_are_complete(kind: str) -> Claim:
    """Name, datatype and value, or the mark that there is none."""

    def claim(recording: Recording) -> None:
        for message in some(recording, kind):
            for metric in message.payload.metrics:
                assert metric.HasField("name")
                assert metric.HasField("datatype")
                assert metric.is_null == (metric.WhichOneof("value") is None), metric.name

    return claim


def bdseq_is_there(recording: Recording) -> None:
    for message in some(recording, topics.NBIRTH):
        assert message.names.count(topics.BDSEQ) == 1


def bdseq_is_an_int64(recording: Recording) -> None:
    for message in some(recording, topics.NBIRTH):
        metric = message.metric(topics.BDSEQ)
        assert (metric.datatype, metric.WhichOneof("value")) == (Datatype.INT64, "long_value")
    bdseq_is_the_wills(recording)


def bdseq_is_the_wills(recording: Recording) -> None:
    for session, messages in zip(recording.wires, recording.sessions(), strict=True):
        births = [m for m in messages if m.place.kind == topics.NBIRTH]
        assert {m.metric(topics.BDSEQ).long_value for m in births} == {bdseq_of_will(session)}


def bdseq_counts_connections(recording: Recording) -> None:
    firsts = [messages[0].metric(topics.BDSEQ).long_value for messages in recording.sessions()]
    assert firsts == [0, 1, 255, 0]


def rebirth_is_offered(recording: Recording) -> None:
    for message in some(recording, topics.NBIRTH):
        metric = message.metric(topics.REBIRTH)
        assert metric.WhichOneof("value") == "boolean_value"
        assert metric.boolean_value is False


def rebirth_has_no_alias(recording: Recording) -> None:
    assert any(m.HasField("alias") for b in recording.messages("DBIRTH") for m in b.payload.metrics)
    for message in some(recording, topics.NBIRTH):
        assert not message.metric(topics.REBIRTH).HasField("alias")


def rebirth_is_a_boolean(recording: Recording) -> None:
    for message in some(recording, topics.NBIRTH):
        assert message.metric(topics.REBIRTH).datatype == Datatype.BOOLEAN


def in_order_of_time(*kinds: str) -> Claim:
    """The metrics that are not historical stand in the order of their times."""

    def claim(recording: Recording) -> None:
        for message in some(recording, *kinds):
            times = [m.timestamp for m in message.payload.metrics if not m.is_historical]
            assert times == sorted(times)

    return claim


def same_group_and_node(recording: Recording) -> None:
    for message in some(recording, topics.NBIRTH, topics.DBIRTH):
        assert (message.place.group, message.place.node) == (GROUP, NODE)


NBIRTH, DBIRTH = topics.NBIRTH, topics.DBIRTH
PUBLISH = "message-flow-edge-node-birth-publish"
DEVICE = "message-flow-device-birth-publish"
CLAIMS: dict[str, Claim] = {
    "principles-birth-certificates-order": first_messages_are_births,
    "topics-nbirth-mqtt": mqtt_is_plain(NBIRTH),
    "topics-nbirth-seq-num": seq_is_0,
    "topics-nbirth-timestamp": is_stamped(NBIRTH),
    "topics-nbirth-metric-reqs": covers_all_data(NBIRTH, topics.NDATA),
    "topics-nbirth-metrics": metrics_are_complete(NBIRTH),
    "topics-nbirth-bdseq-included": bdseq_is_there,
    "topics-nbirth-bdseq-matching": bdseq_is_the_wills,
    "topics-nbirth-bdseq-increment": bdseq_counts_connections,
    "topics-nbirth-rebirth-metric": both(rebirth_is_offered, rebirth_is_a_boolean),
    "topics-dbirth-mqtt": mqtt_is_plain(DBIRTH),
    "topics-dbirth-seq": is_sequenced(DBIRTH),
    "topics-dbirth-timestamp": is_stamped(DBIRTH),
    "topics-dbirth-metric-reqs": covers_all_data(DBIRTH, topics.DDATA),
    "topics-dbirth-metrics": metrics_are_complete(DBIRTH),
    f"{PUBLISH}-connect": connected_before_births,
    f"{PUBLISH}-nbirth-payload": parses(NBIRTH),
    f"{PUBLISH}-nbirth-payload-bdSeq": bdseq_is_an_int64,
    f"{PUBLISH}-nbirth-qos": qos_is_0(NBIRTH),
    f"{PUBLISH}-nbirth-retained": retain_is_false(NBIRTH),
    f"{PUBLISH}-nbirth-payload-seq": seq_is_a_byte,
    f"{DEVICE}-nbirth-wait": nbirth_before_dbirth,
    f"{DEVICE}-dbirth-match-edge-node-topic": same_group_and_node,
    f"{DEVICE}-dbirth-payload": parses(DBIRTH),
    f"{DEVICE}-dbirth-qos": qos_is_0(DBIRTH),
    f"{DEVICE}-dbirth-retained": retain_is_false(DBIRTH),
    f"{DEVICE}-dbirth-payload-seq": is_sequenced(DBIRTH),
    "operational-behavior-data-publish-nbirth": covers_all_data(NBIRTH, topics.NDATA),
    "operational-behavior-data-publish-nbirth-values": metrics_are_complete(NBIRTH),
    "operational-behavior-data-publish-nbirth-order": in_order_of_time(NBIRTH, topics.NDATA),
    "operational-behavior-data-publish-dbirth": covers_all_data(DBIRTH, topics.DDATA),
    "operational-behavior-data-publish-dbirth-values": metrics_are_complete(DBIRTH),
    "operational-behavior-data-publish-dbirth-order": in_order_of_time(DBIRTH, topics.DDATA),
    "operational-behavior-data-commands-rebirth-name": rebirth_is_offered,
    "operational-behavior-data-commands-rebirth-name-aliases": rebirth_has_no_alias,
    "operational-behavior-data-commands-rebirth-datatype": rebirth_is_a_boolean,
    "operational-behavior-data-commands-rebirth-value": rebirth_is_offered,
    "payloads-nbirth-timestamp": is_stamped(NBIRTH),
    "payloads-nbirth-seq": seq_is_a_byte,
    "payloads-nbirth-bdseq": bdseq_is_there,
    "payloads-nbirth-bdseq-repeat": bdseq_is_the_wills,
    "payloads-nbirth-rebirth-req": rebirth_is_offered,
    "payloads-nbirth-qos": qos_is_0(NBIRTH),
    "payloads-nbirth-retain": retain_is_false(NBIRTH),
    "payloads-dbirth-timestamp": is_stamped(DBIRTH),
    "payloads-dbirth-seq": is_sequenced(DBIRTH),
    "payloads-dbirth-seq-inc": is_sequenced(DBIRTH),
    "payloads-dbirth-order": dbirths_before_data,
    "payloads-dbirth-qos": qos_is_0(DBIRTH),
    "payloads-dbirth-retain": retain_is_false(DBIRTH),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_births(recording: Recording, claim: Claim) -> None:
    claim(recording)
