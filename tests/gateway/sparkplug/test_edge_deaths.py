"""NDEATH, DDEATH, the will, the end of a session (Sparkplug 3.0, 4.2, 5.4, 5.5, 5.7, 6.4.25)."""

import pytest

from gateway.contract import topics
from gateway.contract.sparkplug import Datatype
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.claims import Claim, is_sequenced, is_stamped, mqtt_is_plain, some
from tests.gateway.sparkplug.session import (
    GROUP,
    NODE,
    Recording,
    bdseq_of_will,
    message_of,
    will_of,
)
from tests.gateway.sparkplug.tap import Disconnected, Published


def there_is_a_will(recording: Recording) -> None:
    assert [session.connect.will is None for session in recording.wires] == [False] * 4


def will_is_on_the_nodes_topic(recording: Recording) -> None:
    assert {session.will.topic for session in recording.wires} == {f"spBv1.0/{GROUP}/NDEATH/{NODE}"}


def will_is_a_payload(recording: Recording) -> None:
    for session in recording.wires:
        assert will_of(session).SerializeToString() == session.will.payload


def will_counts_connections(recording: Recording) -> None:
    for session in recording.wires:
        [metric] = will_of(session).metrics
        assert (metric.name, metric.datatype) == ("bdSeq", Datatype.INT64)
    assert [bdseq_of_will(session) for session in recording.wires] == [0, 1, 255, 0]


def will_is_qos_1(recording: Recording) -> None:
    assert {session.will.qos for session in recording.wires} == {1}


def will_is_not_retained(recording: Recording) -> None:
    assert {session.will.retain for session in recording.wires} == {False}


def deaths_say_bdseq_only(recording: Recording) -> None:
    """Those spoken by the gateway itself and those spoken by the broker."""
    assert len(recording.deaths) == 4
    for death in recording.deaths:
        assert [metric.name for metric in death.metrics] == [topics.BDSEQ]


def deaths_have_no_sequence(recording: Recording) -> None:
    assert [death.HasField("seq") for death in recording.deaths] == [False] * 4


def deaths_name_the_birth(recording: Recording) -> None:
    births = [messages[0].metric("bdSeq").long_value for messages in recording.sessions()]
    assert [death.metrics[0].long_value for death in recording.deaths] == births


def ends_in_order(recording: Recording) -> None:
    """The second and the fourth session ended by intention, the others by a cut."""
    for session in recording.wires[1::2]:
        last, end = session.up[-2:]
        assert isinstance(last, Published)
        assert message_of(last).place.kind == topics.NDEATH
        assert isinstance(end, Disconnected)


def no_disconnect_without_ndeath(recording: Recording) -> None:
    ended = [s for s in recording.wires if any(isinstance(p, Disconnected) for p in s.up)]
    assert len(ended) == 2
    ends_in_order(recording)


def clean_session(recording: Recording) -> None:
    assert {(session.connect.level, session.connect.clean) for session in recording.wires} == {
        (4, True)
    }


def not_mqtt_5(recording: Recording) -> None:
    """What only clients of MQTT 5.0 must do does not arise: the gateway speaks 3.1.1."""
    assert {session.connect.level for session in recording.wires} == {4}


def lost_device_is_said_dead(recording: Recording) -> None:
    deaths = some(recording, topics.DDEATH)
    assert [message.place.device for message in deaths] == ["m2"]


WILL = "message-flow-edge-node-birth-publish-will-message"
CLAIMS: dict[str, Claim] = {
    "principles-persistence-clean-session-311": clean_session,
    "principles-persistence-clean-session-50": not_mqtt_5,
    "topics-ndeath-payload": deaths_say_bdseq_only,
    "topics-ndeath-seq": deaths_have_no_sequence,
    "topics-ddeath-mqtt": mqtt_is_plain(topics.DDEATH),
    "topics-ddeath-seq-num": is_sequenced(topics.DDEATH),
    WILL: there_is_a_will,
    f"{WILL}-topic": will_is_on_the_nodes_topic,
    f"{WILL}-payload": will_is_a_payload,
    f"{WILL}-payload-bdSeq": will_counts_connections,
    f"{WILL}-qos": will_is_qos_1,
    f"{WILL}-will-retained": will_is_not_retained,
    "operational-behavior-edge-node-intentional-disconnect-ndeath": ends_in_order,
    "operational-behavior-edge-node-intentional-disconnect-packet": ends_in_order,
    "operational-behavior-device-ddeath": lost_device_is_said_dead,
    "payloads-ndeath-seq": deaths_have_no_sequence,
    "payloads-ndeath-will-message": there_is_a_will,
    "payloads-ndeath-will-message-qos": will_is_qos_1,
    "payloads-ndeath-will-message-retain": will_is_not_retained,
    "payloads-ndeath-bdseq": deaths_name_the_birth,
    "payloads-ndeath-will-message-publisher": ends_in_order,
    "payloads-ndeath-will-message-publisher-disconnect-mqtt311": no_disconnect_without_ndeath,
    "payloads-ndeath-will-message-publisher-disconnect-mqtt50": not_mqtt_5,
    "payloads-ddeath-timestamp": is_stamped(topics.DDEATH),
    "payloads-ddeath-seq": is_sequenced(topics.DDEATH),
    "payloads-ddeath-seq-inc": is_sequenced(topics.DDEATH),
    "payloads-ddeath-seq-number": is_sequenced(topics.DDEATH),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_deaths(recording: Recording, claim: Claim) -> None:
    claim(recording)
