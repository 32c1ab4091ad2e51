"""Outside identities: UUID version 7, sortable, one answer for everything that is none."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import NotFound
from backend.core.ids import decode_id, encode_id, new_uuid

NOW = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


def test_a_new_uuid_is_version_7_of_its_millisecond() -> None:
    uuid = new_uuid(NOW)
    assert (uuid.version, uuid.variant) == (7, "specified in RFC 4122")
    assert uuid.int >> 80 == 1772366400123
    assert len({new_uuid(NOW) for _ in range(1000)}) == 1000


def test_texts_sort_by_time_of_birth() -> None:
    texts = [encode_id("mtr", new_uuid(NOW + timedelta(milliseconds=n))) for n in range(50)]
    assert texts == sorted(texts)


def test_the_text_of_a_known_uuid() -> None:
    uuid = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    assert encode_id("mtr", uuid) == "mtr_01fwhe4ydgfk1shh6w1g60eecf"


@given(st.uuids())
def test_every_uuid_comes_back(uuid: UUID) -> None:
    assert decode_id("node", encode_id("node", uuid)) == uuid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mtr_",
        "mtr",
        "node_01fwhe4ydgfk1shh6w1g60eecf",
        "mtr_01fwhe4ydgfk1shh6w1g60eec",
        "mtr_01fwhe4ydgfk1shh6w1g60eecu",
        "mtr_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "mtr_01FWHE4YDGFK1SHH6W1G60EECF",
    ],
)
def test_anything_else_is_simply_not_found(text: str) -> None:
    with pytest.raises(NotFound) as caught:
        decode_id("mtr", text)
    assert str(caught.value) == "not_found(kind='mtr')"
