"""When an output is on, when the platform is lost, and what counts as a press."""

from gateway.outputs import Button, LinkWatch, Sounding
from gateway.rules import State


def test_an_output_sounds_until_its_last_cause_is_over() -> None:
    sounding = Sounding(0)
    seen = [
        sounding.wanted(active, now)
        for now, active in enumerate(([], ["a"], ["a", "b"], ["b"], [], ["a"]))
    ]
    assert seen == [False, True, True, True, False, True]


def test_each_cause_has_its_own_time_out() -> None:
    sounding = Sounding(10)
    assert sounding.wanted(["a"], 0)
    assert sounding.wanted(["a"], 9.9)
    assert not sounding.wanted(["a"], 10)
    # Another cause sounds anew; the old one does not come back.
    assert sounding.wanted(["a", "b"], 20)
    assert not sounding.wanted(["a", "b"], 30)
    # One that was over and comes again sounds again.
    assert not sounding.wanted([], 31)
    assert sounding.wanted(["a"], 32)


def test_the_platform_is_lost_after_its_time_and_found_again() -> None:
    watch = LinkWatch(60, good_s=100)
    steps = [(159, False), (160, False), (200, True), (259, False), (260, False)]
    seen = []
    for now, good in steps:
        watch.see(now, good=good)
        seen.append(watch.state)
    assert seen == [State.NORMAL, State.ACTIVE, State.NORMAL, State.NORMAL, State.ACTIVE]
    assert watch.take()
    assert not watch.take()
    later = []
    for now, good in ((400, False), (401, True), (461, False)):
        watch.see(now, good=good)
        later.append(watch.state)
    assert later == [State.TAKEN, State.NORMAL, State.ACTIVE]


def test_a_press_is_a_change_to_the_value() -> None:
    button = Button(1.0)
    # Found closed, opened, pressed, held, missing, held, released, pressed.
    values = [1.0, 0.0, 1.0, 1.0, None, 1.0, 0.0, 1.0]
    assert [button.see(value) for value in values] == [
        False, False, True, False, False, False, False, True,
    ]  # fmt: skip
