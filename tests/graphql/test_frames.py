"""Frames that leave at once: the bytes of RFC 6455, and what waits goes before what comes."""

import pytest
from websockets.frames import OP_TEXT, Frame

from backend.application.frames import text_frame, writer_of
from backend.application.graphql.mailbox import Mailbox, Member
from backend.application.graphql.sources import Keep


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_text_frame_is_what_the_websockets_package_makes(size: int) -> None:
    text = "电" * (size // 3) + "x" * (size % 3)
    assert len(text.encode()) == size
    assert text_frame(text) == Frame(OP_TEXT, text.encode()).serialize(mask=False)


def test_under_another_server_nothing_is_written_directly() -> None:
    assert not writer_of({"type": "websocket"})("text")
    assert not writer_of({"type": "websocket", "state": {}})("text")


async def test_what_can_leave_at_once_waits_nowhere_and_order_is_kept() -> None:
    """The client is slow from the second frame on; the third may not overtake it."""
    left: list[str] = []
    keeps_up = [True, False, True]

    def send_now(_member: Member, payload: str) -> bool:
        if keeps_up.pop(0):
            left.append(payload)
            return True
        return False

    mailbox = Mailbox(send_now)
    member = Member(mailbox, "1", Keep.CHANGES)
    for payload in ("first", "second", "third"):
        member.put(payload)
    assert left == ["first"]
    assert [await mailbox.next() for _ in range(2)] == [(member, "second"), (member, "third")]
    member.put("fourth")
    assert left == ["first", "fourth"]
