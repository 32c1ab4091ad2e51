"""The outgoing window: live first, oldest first, nothing twice on the way, nothing forgotten."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.journal import Record
from gateway.window import OutgoingWindow


def records(*numbers: int) -> list[Record]:
    return [Record(number, "m1", b"") for number in numbers]


def numbers(found: list[Record]) -> list[int]:
    return [record.rec for record in found]


def test_live_records_need_no_second_look() -> None:
    window = OutgoingWindow()
    for rec in (1, 2, 3):
        window.sent_live(rec, now=0.0)
    assert window.wanted(1.0, last=3) is None


def test_what_is_not_acknowledged_in_time_is_wanted_again_oldest_first() -> None:
    window = OutgoingWindow(timeout_s=10)
    for rec in (1, 2, 3):
        window.sent_live(rec, now=float(rec))
    window.acknowledge([(1, 1)])
    assert window.wanted(11.9, last=3) is None
    assert window.wanted(12.0, last=3) == (1, 1000)
    assert numbers(window.take(records(2, 3), 12.0)) == [2]
    assert window.wanted(13.0, last=3) == (2, 999)


def test_a_new_connection_begins_at_the_oldest() -> None:
    window = OutgoingWindow(size=2)
    window.sent_live(1, 0.0)
    window.reset()
    assert window.wanted(0.0, last=9) == (0, 2)
    assert numbers(window.take(records(1, 2), 0.0)) == [1, 2]
    assert window.wanted(0.0, last=9) is None
    window.acknowledge([(1, 1_000_000)])
    assert window.on_the_way == 0
    assert window.wanted(0.0, last=9) == (2, 2)


class LossyLink:
    """A journal, a window and a platform, with a link between that loses what `loses` says."""

    def __init__(self, loses: Callable[[], bool]) -> None:
        self.window = OutgoingWindow(size=5, timeout_s=3)
        self.journal: dict[int, Record] = {}
        self.arrived: set[int] = set()
        self.last = 0
        self.loses = loses

    def report(self, now: float, *, online: bool) -> None:
        self.last += 1
        [self.journal[self.last]] = records(self.last)
        if online:
            self.window.sent_live(self.last, now)
            self.carry(self.last)

    def carry(self, rec: int) -> None:
        if not self.loses():
            self.arrived.add(rec)

    def resend(self, now: float) -> None:
        wanted = self.window.wanted(now, self.last)
        if wanted is None:
            return
        after, room = wanted
        assert room <= 5
        found = [self.journal[rec] for rec in sorted(self.journal) if rec > after][:room]
        for record in self.window.take(found, now):
            self.carry(record.rec)

    def acknowledge(self) -> None:
        if not self.loses():
            self.window.acknowledge([(rec, rec) for rec in self.arrived])
            for rec in self.arrived:
                self.journal.pop(rec, None)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_is_lost_everything_arrives(data: st.DataObject) -> None:
    """A link that loses messages and acknowledgements at random delivers all in the end."""
    lossy = True
    link = LossyLink(lambda: lossy and data.draw(st.booleans()))
    for step in range(200):
        lossy = step < 60
        if step < 40:
            link.report(float(step), online=data.draw(st.booleans()))
        if lossy and data.draw(st.integers(0, 9)) == 0:
            link.window.reset()
        link.resend(float(step))
        link.acknowledge()
    assert link.arrived == set(range(1, link.last + 1))
    assert not link.journal
