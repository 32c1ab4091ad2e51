"""Buckets of points: what a flood gets, and that it gets nothing of what others have (case 24)."""

from backend.acquisition.inbox import Inbox
from backend.acquisition.quotas import BURST_S, BYTES_A_POINT, Allowed, Bucket, Quotas

RATE = 10.0
BURST = int(RATE * BURST_S)
FLOOD, QUIET = "spBv1.0/a/DDATA/g1/m1", "spBv1.0/b/DDATA/g2/m1"
ONE_POINT = BYTES_A_POINT


def quotas(rate: float = RATE, *, closed: bool = False, share: float = 1.0) -> Quotas:
    """Project a under a quota, b without one."""
    made = Quotas()
    told = [Allowed("a", 1, rate, closed), Allowed("b", 2, 0.0, closed=False)]
    made.keep(told, {1: share}, 0.0)
    return made


def test_a_flood_gets_its_burst_and_then_its_rate() -> None:
    flood = quotas()
    assert sum(flood.admit(FLOOD, ONE_POINT, 0.0) for _ in range(1000)) == BURST
    # Ten a second from then on, however much is asked.
    for second in range(1, 4):
        assert sum(flood.admit(FLOOD, ONE_POINT, float(second)) for _ in range(1000)) == RATE
    assert flood.used() == [(1, BURST + 30, 4000 - BURST - 30)]
    assert flood.used() == []


def test_the_quiet_project_stands_behind_no_more_than_the_burst_of_the_flood() -> None:
    shared, inbox = quotas(), Inbox()
    for number in range(5000):
        for topic in (FLOOD, FLOOD, FLOOD, QUIET) if number % 50 == 0 else (FLOOD,):
            if shared.admit(topic, ONE_POINT, 0.0):
                inbox.put(topic, str(number).encode())
    served = []
    while (message := inbox.take()) is not None:
        served.append(message[0])
    assert served.count(QUIET) == 100
    assert served.count(FLOOD) == BURST
    # What is behind the burst is the quiet project's alone.
    assert set(served[-98:]) == {QUIET}


def test_births_and_deaths_and_unknown_groups_are_always_taken() -> None:
    shut = quotas(closed=True)
    for topic in (
        "spBv1.0/a/NBIRTH/g1",
        "spBv1.0/a/DBIRTH/g1/m1",
        "spBv1.0/a/NDEATH/g1",
        "spBv1.0/z/DDATA/g1/m1",
        "x",
    ):
        assert shut.admit(topic, 10_000, 0.0), topic
    assert not shut.admit(FLOOD, 1, 0.0)


def test_what_a_message_held_counts_and_not_what_it_was_taken_for() -> None:
    shared = quotas()
    assert shared.admit(FLOOD, BYTES_A_POINT * 5, 0.0)
    shared.settle("a", BYTES_A_POINT * 5, 500)
    assert not shared.admit(FLOOD, ONE_POINT, 0.0)
    # 400 points too many are forty seconds of waiting.
    assert not shared.admit(FLOOD, ONE_POINT, 39.9)
    assert shared.admit(FLOOD, ONE_POINT, 40.2)
    assert shared.used() == [(1, 501, 2)]


def test_a_worker_gives_its_share_of_a_projects_gateways() -> None:
    half = quotas(share=0.5)
    assert sum(half.admit(FLOOD, ONE_POINT, 0.0) for _ in range(1000)) == BURST // 2


def test_a_new_quota_holds_from_then_on_and_a_taken_away_one_no_more() -> None:
    shared = quotas(0.0)
    assert all(shared.admit(FLOOD, ONE_POINT, 0.0) for _ in range(1000))
    shared.keep([Allowed("a", 1, RATE, closed=False)], {}, 1.0)
    assert sum(shared.admit(FLOOD, ONE_POINT, 1.0) for _ in range(1000)) == BURST
    shared.keep([Allowed("a", 1, 0.0, closed=False)], {}, 2.0)
    assert all(shared.admit(FLOOD, ONE_POINT, 2.0) for _ in range(1000))


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(RATE, 0.0, 0.0)
    assert sum(bucket.admit(1, 10_000.0) for _ in range(1000)) == BURST
