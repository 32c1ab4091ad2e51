"""Requests of third parties wait in a bounded queue, and nobody's fill it for others."""

import msgspec
import pytest

from backend.application.mqtt_api import requests
from backend.application.mqtt_api.requests import Requests, identity_of, request_key
from backend.application.mqtt_api.tellings import Message
from backend.application.web_process import WebProcess
from backend.core.ids import new_uuid
from backend.service.integration.topics import RequestTopic
from tests.postgres import NOW, Actor


async def test_too_many_requests_are_refused_and_lock_out_nobody_else(
    process: WebProcess, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_OF_ONE", 2)
    said: list[Message] = []

    def say(message: Message) -> bool:
        said.append(message)
        return True

    waiting = Requests(process, alice.tenant.id, say)
    for name in ("mqt_a", "mqt_a", "mqt_a", "mqt_b"):
        topic = RequestTopic("acme", name, "g1", "m1")
        waiting.take(topic, b'{"id": "7", "point": "p", "value": 1}')
    [message] = said
    assert message.topic == "kilowise/acme/commands/results/mqt_a/7"
    assert msgspec.json.decode(message.payload)["code"] == "mqtt_busy"


def test_an_identity_is_found_where_there_is_one() -> None:
    assert identity_of(b'{"id": "a-1", "more": [1]}') == "a-1"
    for payload in (b"", b"7", b"{}", b'{"id": 7}', b'{"id": "a/b"}', b'{"id": "+"}', b"\xff"):
        assert identity_of(payload) == "_"


def test_a_command_belongs_to_its_credential() -> None:
    first, second = new_uuid(NOW), new_uuid(NOW)
    assert request_key(first, "1") == request_key(first, "1")
    assert len({request_key(first, "1"), request_key(first, "2"), request_key(second, "1")}) == 3
