"""Ids and topics of an edge node (Sparkplug 3.0, chapters 1.4 and 4.1)."""

import re
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.contract import topics
from gateway.contract.documents import DocumentFault
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.claims import Claim, topic_is_its_own
from tests.gateway.sparkplug.session import GROUP, NODE, Recording

IDS = re.compile(r"[a-z0-9][a-z0-9_-]*")
OF_DEVICES = {topics.DBIRTH, topics.DDEATH, topics.DDATA, topics.DCMD}


def levels(recording: Recording, place: int) -> set[str]:
    """What stands at a level of the topics published, wills included."""
    published = [message.packet.topic for message in recording.messages()]
    wills = [session.will.topic for session in recording.wires]
    parts = [topic.split("/") for topic in published + wills]
    return {part[place] for part in parts if len(part) > place}


def group_is_a_string(recording: Recording) -> None:
    assert levels(recording, 1) == {GROUP}


def node_is_a_string(recording: Recording) -> None:
    assert levels(recording, 3) == {NODE}


def device_is_a_string(recording: Recording) -> None:
    assert levels(recording, 4) == {"m1", "m2"}


def id_is_plain(place: int) -> Claim:
    """Neither a wildcard nor a slash nor a control character: lower-case letters, digits, - _."""

    def claim(recording: Recording) -> None:
        assert all(IDS.fullmatch(level) for level in levels(recording, place))

    return claim


def ids_are_lower_case(recording: Recording) -> None:
    for place in (1, 3, 4):
        assert all(level == level.lower() for level in levels(recording, place))


def structure(recording: Recording) -> None:
    for message in recording.messages():
        parts = message.packet.topic.split("/")
        assert parts[2] in topics.MESSAGE_TYPES
        assert len(parts) == (5 if parts[2] in OF_DEVICES else 4)


def namespace(recording: Recording) -> None:
    assert levels(recording, 0) == {"spBv1.0"}


def device_where_it_belongs(recording: Recording) -> None:
    for message in recording.messages(topics.DBIRTH, topics.DDEATH, topics.DDATA):
        assert message.packet.topic.count("/") == 4


def no_device_elsewhere(recording: Recording) -> None:
    own = [message.packet for message in recording.messages(topics.NBIRTH, topics.NDATA)]
    own += [session.will for session in recording.wires]
    assert all(packet.topic.count("/") == 3 for packet in own)


CLAIMS: dict[str, Claim] = {
    "intro-group-id-string": group_is_a_string,
    "intro-group-id-chars": id_is_plain(1),
    "intro-edge-node-id-string": node_is_a_string,
    "intro-edge-node-id-chars": id_is_plain(3),
    "intro-device-id-string": device_is_a_string,
    "intro-device-id-chars": id_is_plain(4),
    "topic-structure": structure,
    "topic-structure-namespace-a": namespace,
    "topic-structure-namespace-device-id-associated-message-types": device_where_it_belongs,
    "topic-structure-namespace-device-id-non-associated-message-types": no_device_elsewhere,
    "case-sensitivity-sparkplug-ids": ids_are_lower_case,
    "topics-nbirth-topic": topic_is_its_own(topics.NBIRTH),
    "topics-ndata-topic": topic_is_its_own(topics.NDATA),
    "topics-ndeath-topic": topic_is_its_own(topics.NDEATH),
    "topics-dbirth-topic": topic_is_its_own(topics.DBIRTH),
    "topics-ddata-topic": topic_is_its_own(topics.DDATA),
    "topics-ddeath-topic": topic_is_its_own(topics.DDEATH),
    "message-flow-edge-node-birth-publish-nbirth-topic": topic_is_its_own(topics.NBIRTH),
    "message-flow-device-birth-publish-dbirth-topic": topic_is_its_own(topics.DBIRTH),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_topics(recording: Recording, claim: Claim) -> None:
    claim(recording)


def configured(folder: Path, project: str = "a", node: str = "g1", *devices: str) -> Path:
    lines = "".join(
        f"  - {{slug: {slug!r}, profile: eastron/sdm630, host: h, unit: 1}}\n" for slug in devices
    )
    file = folder / "gateway.yaml"
    file.write_text(f"project: {project!r}\nnode: {node!r}\ndevices:\n{lines or '  []'}\n", "utf-8")
    return file


RESERVED = pytest.mark.parametrize("char", ["+", "/", "#", "\n", "é"])


@RESERVED
def test_tck_id_topic_structure_namespace_valid_group_id(tmp_path: Path, char: str) -> None:
    with pytest.raises(DocumentFault, match="project"):
        load_config(configured(tmp_path, project=f"a{char}b"), {})


@RESERVED
def test_tck_id_topic_structure_namespace_valid_edge_node_id(tmp_path: Path, char: str) -> None:
    with pytest.raises(DocumentFault, match="node"):
        load_config(configured(tmp_path, node=f"a{char}b"), {})


@RESERVED
def test_tck_id_topic_structure_namespace_valid_device_id(tmp_path: Path, char: str) -> None:
    config = load_config(configured(tmp_path, "a", "g1", "m1", f"m{char}2"), {})
    assert [device.slug for device in config.devices] == ["m1"]
    assert len(config.problems) == 1


def test_tck_id_topic_structure_namespace_unique_device_id(tmp_path: Path) -> None:
    config = load_config(configured(tmp_path, "a", "g1", "m1", "m1"), {})
    assert [device.slug for device in config.devices] == ["m1"]
    assert "is there twice" in str(config.problems[0])
