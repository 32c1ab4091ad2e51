"""The names of JSON topics: whatever a thing is called, it stays within its own level."""

from hypothesis import given
from hypothesis import strategies as st

from backend.service.integration import topics

TEXTS = st.text(min_size=1, max_size=20)


def test_names() -> None:
    assert (
        topics.readings("acme", "g1", "m1", "c2/ep_imp") == "kilowise/acme/readings/g1/m1/c2/ep_imp"
    )
    assert (
        topics.readings("acme", "g/1", "机器", "a+b") == "kilowise/acme/readings/g%2F1/机器/a%2Bb"
    )
    assert topics.alarms("acme", "ald_x") == "kilowise/acme/alarms/ald_x"
    assert topics.config("acme", "g1") == "kilowise/acme/config/g1"
    assert topics.results("acme", "mqt_x", "7") == "kilowise/acme/commands/results/mqt_x/7"


@given(TEXTS, TEXTS)
def test_a_request_is_read_as_it_was_written(gateway: str, device: str) -> None:
    topic = topics.requests("acme", "mqt_x", gateway, device)
    assert topic.count("/") == 5
    assert not set("+#\x00") & set(topic)
    assert topics.parse_request(topic) == topics.RequestTopic("acme", "mqt_x", gateway, device)


def test_other_topics_are_no_requests() -> None:
    for topic in (
        "kilowise/acme/commands/results/mqt_x/7",
        "kilowise/acme/commands/mqt_x/g1",
        "kilowise/acme/readings/mqt_x/g1/m1",
        "else/acme/commands/mqt_x/g1/m1",
        "",
    ):
        assert topics.parse_request(topic) is None
