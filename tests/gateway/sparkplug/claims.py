"""Claims about kinds of messages that many assertions share; each looks at every such message."""

from collections.abc import Callable
from itertools import pairwise

from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.contract import topics
from tests.gateway.sparkplug.session import GROUP, NODE, Message, Recording

Claim = Callable[[Recording], None]

YEAR_2026_MS, YEAR_2100_MS = 1_767_225_600_000, 4_102_444_800_000


def some(recording: Recording, *kinds: str) -> list[Message]:
    """All messages of these kinds; a claim about none would say nothing."""
    found = recording.messages(*kinds)
    assert {message.place.kind for message in found} == set(kinds)
    return found


def topic_is_its_own(kind: str) -> Claim:
    """`spBv1.0/group/KIND/node`, and the device where the kind is a device's."""

    def claim(recording: Recording) -> None:
        tails = {f"/{device}" for device in ("m1", "m2")} if kind.startswith("D") else {""}
        wanted = {f"spBv1.0/{GROUP}/{kind}/{NODE}{tail}" for tail in tails}
        found = {message.packet.topic for message in some(recording, kind)}
        assert found <= wanted
        assert found == wanted or kind == topics.DDEATH

    return claim


def qos_is_0(kind: str) -> Claim:
    """Published at most once."""

    def claim(recording: Recording) -> None:
        assert {message.packet.qos for message in some(recording, kind)} == {0}

    return claim


def retain_is_false(kind: str) -> Claim:
    """The broker keeps nothing."""

    def claim(recording: Recording) -> None:
        assert {message.packet.retain for message in some(recording, kind)} == {False}

    return claim


def both(*claims: Claim) -> Claim:
    """All of them."""

    def claim(recording: Recording) -> None:
        for one in claims:
            one(recording)

    return claim


def mqtt_is_plain(kind: str) -> Claim:
    """QoS 0 and not retained."""
    return both(qos_is_0(kind), retain_is_false(kind))


def is_stamped(kind: str) -> Claim:
    """The payload says when it was sent: UTC milliseconds of these years, never running back."""

    def claim(recording: Recording) -> None:
        times = [message.payload.timestamp for message in some(recording, kind)]
        assert all(YEAR_2026_MS < time < YEAR_2100_MS for time in times)
        assert times == sorted(times)

    return claim


def is_sequenced(kind: str) -> Claim:
    """`seq` is there, 0..255, and one more than that of the message before (0 after 255)."""

    def claim(recording: Recording) -> None:
        some(recording, kind)
        for messages in recording.sessions():
            live = [m for m in messages if m.place.kind != topics.NDEATH]
            for before, message in pairwise(live):
                if message.place.kind == kind:
                    assert message.payload.HasField("seq")
                    assert message.payload.seq == (before.payload.seq + 1) % 256

    return claim


def parses(kind: str) -> Claim:
    """A Sparkplug payload, with no byte that the specification does not know."""

    def claim(recording: Recording) -> None:
        for message in some(recording, kind):
            assert message.payload.metrics
            assert message.payload.ByteSize() == len(message.packet.payload)
            assert len(UnknownFieldSet(message.payload)) == 0

    return claim
