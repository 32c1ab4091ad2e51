"""Stock energies by hand-worked figures and as properties: sums are exact whatever the order."""

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal, Inexact
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.calorific import CalorificError, kgce_per_smallest
from backend.aggregation.stock import (
    COUNT,
    DELIVERY,
    SALE,
    Document,
    Quarter,
    Standing,
    book,
    by_profile,
    by_work,
    consumption,
    evenly,
    intervals,
    spread,
    value_of,
)
from gateway.contract.energy import energy_type

COAL = energy_type("coal")
CASE = Path(__file__).parent.parent / "cases" / "29-coal"
HOUR = 3600


def case_29() -> list[Document]:
    """The documents of the case, in grams and per gram."""
    rows = json.loads((CASE / "documents.json").read_text())
    found = []
    for number, row in enumerate(rows, start=1):
        per = COAL.per_point_unit(row["unit"])
        value, written = row.get("calorific", (None, None))
        found.append(
            Document(
                number,
                row["kind"],
                int(datetime.fromisoformat(row["at"]).timestamp()),
                int(Decimal(row["quantity"]) * per.numerator),
                Decimal(row["price"]) / per.numerator if "price" in row else None,
                kgce_per_smallest(Decimal(value), written, COAL) if value else None,
            )
        )
    return found


def total(quarters: list[Quarter]) -> int:
    """What was consumed in all."""
    return sum(one.qty for one in quarters)


def test_case_29_coal() -> None:
    expected = json.loads((CASE / "expected.json").read_text())
    found = consumption(case_29(), evenly)
    assert len(found) == expected["quarter_hours"]
    assert total(found) == expected["consumed_g"]
    batches: Counter[int] = Counter()
    for quarter in found:
        batches.update({draw.document: draw.qty for draw in quarter.draws})
    assert [batches[number] for number in sorted(batches)] == expected["batches_g"]
    co2 = Decimal("1900.3").scaleb(-6)
    values = [value_of(one, Decimal("714.3").scaleb(-6), co2) for one in found]
    for name in ("kgce", "kgco2", "cost"):
        parts = [getattr(one, name) for one in values]
        assert sum(parts) == Decimal(expected[name]), name
    steam = Decimal(expected["steam_sold_t"]) * energy_type("steam").factors[0].value
    assert Decimal(expected["kgce"]) - steam == Decimal(expected["comprehensive_kgce"])


def test_a_delivery_at_the_instant_of_a_count_was_counted() -> None:
    one, two = intervals(
        [
            Document(1, COUNT, 0, 10),
            Document(2, DELIVERY, 100, 5),
            Document(3, COUNT, 100, 12),
            Document(4, DELIVERY, 101, 8),
            Document(5, SALE, 200, 3),
            Document(6, COUNT, 200, 16),
        ]
    )
    assert (one.delivered, one.consumed) == (5, 3)
    assert (two.delivered, two.sold, two.consumed) == (8, 3, 1)


def test_after_the_last_count_nothing_is_invented() -> None:
    documents = [Document(1, COUNT, 0, 1000), Document(2, DELIVERY, 900, 500)]
    assert consumption(documents, evenly) == []
    assert book(documents, 899) == 1000
    assert book(documents, 900) == 1500
    assert book(documents[1:], 900) is None


def test_a_standing_estimate_ends_with_the_stock_and_says_the_same_later() -> None:
    documents = [Document(1, COUNT, 0, 1000, Decimal(2)), Document(2, DELIVERY, 7 * HOUR, 100)]
    # 2,400 a day are 25 a quarter hour: 1,000 last for ten hours, 100 for one more.
    early = consumption(documents, evenly, Standing(2400, 6 * HOUR))
    late = consumption(documents, evenly, Standing(2400, 24 * HOUR))
    assert [one.qty for one in early] == [25] * 24
    assert late[:24] == early
    assert [one.qty for one in late[24:]] == [25] * 20 + [0] * 52
    assert late[40].draws[0].document == 2


def test_a_count_beyond_the_books_is_a_contradiction_without_consumption() -> None:
    documents = [
        Document(1, COUNT, 0, 10, Decimal(1)),
        Document(2, COUNT, 900, 30),
        Document(3, COUNT, 1800, 0),
    ]
    assert [one.contradicts for one in intervals(documents)] == [True, False]
    (only,) = consumption(documents, evenly)
    assert (only.start, only.qty) == (900, 30)
    assert [draw.document for draw in only.draws] == [1, 0]
    assert value_of(only, None, None).cost is None


def test_a_quarter_hour_with_a_count_in_it_has_a_part_of_both_sides() -> None:
    documents = [
        Document(1, COUNT, 0, 100),
        Document(2, COUNT, 900 + 300, 60),
        Document(3, COUNT, 1800, 0),
    ]
    # 40 over 1,200 s, then 60 over 600 s.
    assert [(q.start, q.qty) for q in consumption(documents, evenly)] == [(0, 30), (900, 70)]


def test_rules_of_spreading() -> None:
    documents = [Document(1, COUNT, 0, 100), Document(2, COUNT, 3600, 0)]

    def parts(weigh: object) -> list[int]:
        assert callable(weigh)
        return [one.qty for one in consumption(documents, weigh)]

    assert parts(evenly) == [25] * 4
    assert parts(by_profile({0: 3, 900: 0, 1800: 1, 5400: 9})) == [75, 0, 25, 0]
    assert parts(by_work([(600, 1800), (2400, 2700)])) == [20, 60, 20, 0]
    # A profile without anything in it says nothing: even.
    assert parts(by_profile({0: -5})) == [25] * 4


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_a_spread_sums_to_the_whole(whole: int, weights: list[int]) -> None:
    parts = spread(whole, weights)
    assert sum(parts) == whole
    assert all(part >= 0 for part in parts)
    if any(weights):
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


MOVE = st.tuples(
    st.sampled_from((DELIVERY, SALE, COUNT)), st.integers(1, 40_000), st.integers(0, 900)
)


@given(st.lists(MOVE, max_size=25), st.integers(0, 900))
def test_what_goes_in_is_what_goes_out(moves: list[tuple[str, int, int]], opening: int) -> None:
    documents, at = [Document(1, COUNT, 0, opening)], 0
    for number, (kind, later, qty) in enumerate(moves, start=2):
        at += later
        documents.append(Document(number, kind, at, qty))
    found = consumption(documents, evenly)
    wanted = sum(max(one.consumed, 0) for one in intervals(documents))
    assert total(found) == wanted
    for quarter in found:
        assert sum(draw.qty for draw in quarter.draws) == quarter.qty
    # No batch gives more than it brought.
    brought = {one.id: one.qty for one in documents if one.kind != SALE}
    used: Counter[int] = Counter()
    for quarter in found:
        used.update({draw.document: draw.qty for draw in quarter.draws})
    assert all(used[number] <= brought[number] for number in used if number)


def test_calorific_values_in_the_words_of_suppliers() -> None:
    per_gram = {
        ("20.934", "MJ/kg"): "0.0007142857143",
        ("20934", "kJ/kg"): "0.0007142857143",
        ("5000", "kcal/kg"): "0.0007142857143",
        ("20.934", "GJ/t"): "0.0007142857142857",
        ("714.3", "kgce/t"): "0.0007143",
        ("0.7143", "tce/t"): "0.0007143",
    }
    for (value, written), wanted in per_gram.items():
        assert kgce_per_smallest(Decimal(value), written, COAL) == Decimal(wanted), written
    for written in ("MJ/m3", "kWh/kg", "MJ", "MJ/", "bananas"):
        with pytest.raises(CalorificError, match="does not"):
            kgce_per_smallest(Decimal(1), written, COAL)


def test_a_sum_that_would_have_to_be_rounded_is_refused() -> None:
    endless = Document(1, COUNT, 0, 7 * 10**30, Decimal("1." + "0" * 250 + "1"))
    quarters = consumption([endless, Document(2, COUNT, 900, 0)], evenly)
    with pytest.raises(Inexact):
        value_of(quarters[0], None, None)
