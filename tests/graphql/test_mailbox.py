"""What waits for a slow client is bounded, each kind of subscription in its own way."""

from backend.application.graphql.mailbox import WAITING_CHANGES, WAITING_EVERY, Mailbox, Member
from backend.application.graphql.sources import Keep


class Again:
    """A feed that notes who wants everything anew."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def again(self, member: Member) -> None:
        self.asked.append(member.id)


async def drain(mailbox: Mailbox, count: int) -> list[str]:
    """Answer the next payloads."""
    taken = []
    for _ in range(count):
        waiting = await mailbox.next()
        assert waiting is not None
        taken.append(waiting[1])
    return taken


async def test_only_the_latest_is_kept() -> None:
    mailbox = Mailbox()
    member = Member(mailbox, "1", Keep.LATEST)
    for number in range(1000):
        member.put(str(number))
    member.put("last")
    other = Member(mailbox, "2", Keep.LATEST)
    other.put("other")
    assert sorted(await drain(mailbox, 2)) == ["last", "other"]
    assert not mailbox.too_slow


async def test_missed_changes_are_followed_by_a_full_frame() -> None:
    mailbox, feed = Mailbox(), Again()
    member = Member(mailbox, "1", Keep.CHANGES)
    member.feed = feed
    for number in range(WAITING_CHANGES + 1):
        member.put(f"change {number}")
    member.put("a change on top of what was missed")
    assert feed.asked == []
    assert member.take() is None
    assert feed.asked == ["1"]
    member.put("everything", full=True)
    member.put("change after")
    assert await drain(mailbox, 2) == ["everything", "change after"]


async def test_a_client_that_may_miss_nothing_is_too_slow() -> None:
    mailbox = Mailbox()
    member = Member(mailbox, "1", Keep.EVERY)
    for number in range(WAITING_EVERY):
        member.put(str(number))
    before = mailbox.too_slow
    member.put("one too many")
    assert (before, mailbox.too_slow) == (False, True)
    assert await mailbox.next() is None
