"""NDATA and DDATA of an edge node (Sparkplug 3.0, 2.2, 4.2, 5.16, 6.4.21, 6.4.22)."""

from itertools import pairwise

import pytest

from gateway.contract import topics
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.claims import (
    Claim,
    is_sequenced,
    is_stamped,
    mqtt_is_plain,
    qos_is_0,
    retain_is_false,
    some,
)
from tests.gateway.sparkplug.session import MANY, Recording

NDATA, DDATA = topics.NDATA, topics.DDATA


def power(recording: Recording) -> list[float]:
    """All live values of m1's power in the first session, in order."""
    first = next(recording.sessions())
    alias = next(m for m in first if m.place.device == "m1").metric("p").alias
    return [
        metric.float_value
        for message in first
        if message.place.kind == DDATA
        for metric in message.payload.metrics
        if metric.HasField("alias") and metric.alias == alias and not metric.is_historical
    ]


def every_change_is_told(recording: Recording) -> None:
    told = power(recording)
    assert {13.5, 14.5, *(100.0 + number for number in range(MANY))} <= set(told)


def nothing_is_told_twice(recording: Recording) -> None:
    told = power(recording)
    assert all(before != after for before, after in pairwise(told))


def node_changes_are_told(recording: Recording) -> None:
    """The clock offset measured after the birth came in NDATA, with a new value."""
    first = next(recording.sessions())
    birth = first[0].metric(topics.EXT_OFFSET).long_value
    [data] = [m for m in first if m.place.kind == NDATA]
    assert (birth, 5000 <= data.metric(topics.EXT_OFFSET).long_value < 10_000) == (0, True)


def after_all_births(kind: str) -> Claim:
    """No data of a session before its complete birth, and none within a rebirth."""

    def claim(recording: Recording) -> None:
        some(recording, kind)
        for messages in recording.sessions():
            kinds = [m.place.kind for m in messages]
            assert kind not in kinds[:3]
            for at in [index for index, one in enumerate(kinds) if one == topics.NBIRTH]:
                assert kind not in kinds[at : at + 3]

    return claim


CLAIMS: dict[str, Claim] = {
    "principles-rbe-recommended": nothing_is_told_twice,
    "topics-ndata-mqtt": mqtt_is_plain(NDATA),
    "topics-ndata-seq-num": is_sequenced(NDATA),
    "topics-ndata-timestamp": is_stamped(NDATA),
    "topics-ndata-payload": node_changes_are_told,
    "topics-ddata-mqtt": mqtt_is_plain(DDATA),
    "topics-ddata-seq-num": is_sequenced(DDATA),
    "topics-ddata-timestamp": is_stamped(DDATA),
    "topics-ddata-payload": every_change_is_told,
    "operational-behavior-data-publish-nbirth-change": node_changes_are_told,
    "operational-behavior-data-publish-dbirth-change": nothing_is_told_twice,
    "payloads-ndata-timestamp": is_stamped(NDATA),
    "payloads-ndata-seq": is_sequenced(NDATA),
    "payloads-ndata-seq-inc": is_sequenced(NDATA),
    "payloads-ndata-order": after_all_births(NDATA),
    "payloads-ndata-qos": qos_is_0(NDATA),
    "payloads-ndata-retain": retain_is_false(NDATA),
    "payloads-ddata-timestamp": is_stamped(DDATA),
    "payloads-ddata-seq": is_sequenced(DDATA),
    "payloads-ddata-seq-inc": is_sequenced(DDATA),
    "payloads-ddata-order": after_all_births(DDATA),
    "payloads-ddata-qos": qos_is_0(DDATA),
    "payloads-ddata-retain": retain_is_false(DDATA),
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_data(recording: Recording, claim: Claim) -> None:
    claim(recording)
