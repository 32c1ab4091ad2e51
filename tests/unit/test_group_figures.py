"""What a group is told: spans within a consent, and exact totals and ranks. Pure."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from backend.aggregation.calendar import Period, PlantTime, plant_time
from backend.aggregation.figures import Sum
from backend.aggregation.stretches import Stretch
from backend.core.errors import InvalidInput
from backend.service.groups.consents import Rollup, checked
from backend.service.groups.figures import (
    Amount,
    EnergyAmount,
    Figures,
    Member,
    ranked,
    told,
    totals,
)
from backend.service.groups.reading import question_of
from backend.service.groups.spans import (
    Told,
    Why,
    days_of,
    name_of,
    stretches,
    told_span,
)

NOW = datetime(2026, 3, 15, 4, 10, tzinfo=UTC)
PLANT = plant_time("Asia/Shanghai", 0)
EVERYTHING = [one.value for one in Rollup]


def at(text: str) -> datetime:
    """An instant that clocks of the plant show."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def span(
    period: Period, day: str, since: str, *, days: bool, plant: PlantTime = PLANT
) -> Told | Why:
    """What is told at noon of the 15th of March."""
    first, asked = date.fromisoformat(since), date.fromisoformat(day)
    return told_span(plant, period, asked, first, days=days, now=NOW)


def test_whole_months_compare_with_the_year_before() -> None:
    year_ago = (at("2025-02-01T00:00"), at("2025-03-01T00:00"))
    assert span(Period.MONTH, "2026-02-20", "2025-01-01", days=False) == Told(
        at("2026-02-01T00:00"), at("2026-03-01T00:00"), year_ago
    )


def test_nothing_before_the_day_that_was_consented_to() -> None:
    assert span(Period.MONTH, "2026-01-20", "2026-02-01", days=True) is Why.BEFORE
    held = span(Period.YEAR, "2026-01-20", "2026-02-10", days=True)
    assert held == Told(at("2026-02-10T00:00"), at("2026-03-15T12:00"), None)
    # The year before began before that day: it is not told in part either.
    held = span(Period.MONTH, "2026-02-20", "2025-02-02", days=True)
    assert held == Told(at("2026-02-01T00:00"), at("2026-03-01T00:00"), None)


def test_without_days_only_months_that_are_over_are_told() -> None:
    assert span(Period.DAY, "2026-02-20", "2025-01-01", days=False) is Why.NOT_CONSENTED
    assert span(Period.MONTH, "2026-03-01", "2025-01-01", days=False) is Why.NOT_OVER
    # A month that holds the day is not told by its rest.
    assert span(Period.MONTH, "2026-02-01", "2026-02-02", days=False) is Why.BEFORE
    held = span(Period.YEAR, "2026-03-01", "2025-12-05", days=False)
    assert held == Told(at("2026-01-01T00:00"), at("2026-03-01T00:00"), None)
    held = span(Period.YEAR, "2026-03-01", "2026-01-02", days=False)
    assert held == Told(at("2026-02-01T00:00"), at("2026-03-01T00:00"), None)


def test_days_are_told_to_the_running_quarter_hour_and_compared_to_the_same_time() -> None:
    year_ago = (at("2025-03-15T00:00"), at("2025-03-15T12:00"))
    held = span(Period.DAY, "2026-03-15", "2025-01-01", days=True)
    assert held == Told(at("2026-03-15T00:00"), at("2026-03-15T12:00"), year_ago)
    assert span(Period.DAY, "2026-03-16", "2025-01-01", days=True) is Why.NOT_OVER
    leap = told_span(PLANT, Period.DAY, date(2024, 2, 29), date(2020, 1, 1), days=True, now=NOW)
    assert isinstance(leap, Told)
    assert leap.before == (at("2023-02-28T00:00"), at("2023-03-01T00:00"))


def test_periods_are_those_of_the_plant() -> None:
    plant = plant_time("Asia/Shanghai", 480, month_start_day=26)
    held = span(Period.MONTH, "2026-02-10", "2026-01-26", days=False, plant=plant)
    assert held == Told(at("2026-01-26T08:00"), at("2026-02-26T08:00"), None)


def test_a_span_is_months_then_days_then_quarter_hours() -> None:
    start, end = at("2026-01-01T00:00"), at("2026-03-15T12:00")
    assert list(stretches(PLANT, 7, start, end)) == [
        Stretch(7, Period.MONTH, start, at("2026-03-01T00:00")),
        Stretch(7, Period.DAY, at("2026-03-01T00:00"), at("2026-03-15T00:00")),
        Stretch(7, Period.QUARTER_HOUR, at("2026-03-15T00:00"), end),
    ]
    start, end = at("2026-01-05T00:00"), at("2026-03-01T00:00")
    assert list(stretches(PLANT, 7, start, end)) == [Stretch(7, Period.DAY, start, end)]


def test_periods_are_in_step_and_called_as_people_of_the_plant_call_them() -> None:
    day = date(2026, 3, 15)
    late = plant_time("Asia/Shanghai", 0, month_start_day=26, year_start_month=4)
    for plant, period, days, names in (
        (PLANT, Period.MONTH, ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"],
         ["2025-12", "2026-01", "2026-02", "2026-03"]),
        (late, Period.MONTH, ["2026-01-26", "2026-02-26"], ["2026-02", "2026-03"]),
        (PLANT, Period.DAY, ["2026-03-14", "2026-03-15"], ["2026-03-14", "2026-03-15"]),
        (late, Period.YEAR, ["2024-03-26", "2025-03-26"], ["2024/25", "2025/26"]),
    ):  # fmt: skip
        found = days_of(plant, period, day, len(days))
        assert [one.isoformat() for one in found] == days
        assert [name_of(plant, period, one) for one in found] == names


def test_what_can_be_asked_and_consented_to() -> None:
    assert checked([Rollup.DAYS, Rollup.COST], date(2026, 1, 1)) == ["cost", "days"]
    for rollups, since, code in (
        ([Rollup.DAYS], date(2026, 1, 1), "consent_empty"),
        ([Rollup.COST], date(1999, 12, 31), "consent_since"),
    ):
        with pytest.raises(InvalidInput) as refused:
            checked(rollups, since)
        assert refused.value.error_code == code
    for period, day, code in (
        (Period.HOUR, date(2026, 1, 1), "group_period"),
        (Period.DAY, date.max, "consent_since"),
    ):
        with pytest.raises(InvalidInput) as refused:
            question_of(period, day, NOW)
        assert refused.value.error_code == code


def row(energy: str, qty: int, kgce: str | None, cost: str | None = None) -> Sum:
    """A sum; carbon is twice the coal equivalent."""
    coal = None if kgce is None else Decimal(kgce)
    carbon = None if coal is None else coal * 2
    return Sum(1, energy, qty, 0, 0, coal, carbon, None if cost is None else Decimal(cost))


FOUND = {
    "electricity": row("electricity", 10_000_000, "1.25", "7"),
    "water": row("water", 5_000, None, "1"),
    "product_count": row("product_count", 4, None),
}
BEFORE = {
    "electricity": row("electricity", 8_000_000, "1", "6"),
    "product_count": row("product_count", 2, None),
}


def test_a_project_tells_what_it_consented_to_and_no_more() -> None:
    found = told(at("2026-02-01T00:00"), NOW, FOUND, BEFORE, EVERYTHING)
    assert found.energies == [
        EnergyAmount("electricity", Amount(Decimal("10.000000"), Decimal("8.000000"))),
        EnergyAmount("water", Amount(Decimal("0.005000"))),
    ]
    assert found.kgce == Amount(Decimal("1.25"), Decimal(1))
    assert found.kgco2 == Amount(Decimal("2.50"), Decimal(2))
    assert found.cost == Amount(Decimal(8), Decimal(6))
    assert found.intensity == [
        EnergyAmount("product_count", Amount(Decimal("0.312500"), Decimal("0.500000")))
    ]
    assert found.complete
    nothing = Amount(None)
    for one, left in (
        ("quantity", (2, nothing, nothing, nothing, 0)),
        ("kgce", (0, found.kgce, nothing, nothing, 0)),
        ("kgco2", (0, nothing, found.kgco2, nothing, 0)),
        ("cost", (0, nothing, nothing, found.cost, 0)),
        ("intensity", (0, nothing, nothing, nothing, 1)),
    ):
        part = told(at("2026-02-01T00:00"), NOW, FOUND, BEFORE, [one])
        shown = (len(part.energies), part.kgce, part.kgco2, part.cost, len(part.intensity))
        assert shown == left


def test_a_total_without_a_factor_says_that_it_is_not_whole() -> None:
    gas = {**FOUND, "natural_gas": row("natural_gas", 1, None)}
    found = told(at("2026-02-01T00:00"), NOW, gas, None, EVERYTHING)
    assert (found.complete, found.kgce) == (False, Amount(Decimal("1.25")))


def member(slug: str, money: str, found: Figures | None) -> Member:
    """A project of a group."""
    return Member(UUID(int=0), slug, {}, money, EVERYTHING, date(2026, 1, 1), found)


def test_projects_are_ranked_and_added_up_where_they_tell() -> None:
    start = at("2026-02-01T00:00")
    small = member("small", "CNY", told(start, NOW, FOUND, BEFORE, ["kgce", "cost"]))
    more = {"electricity": row("electricity", 1_000_000, "3", "1")}
    large = member("large", "CNY", told(start, NOW, more, None, ["kgce", "cost"]))
    abroad = member("abroad", "EUR", told(start, NOW, more, None, ["cost", "quantity"]))
    closed = member("closed", "CNY", None)
    members = [closed, small, abroad, large]
    assert [one.slug for one in ranked(members, Rollup.KGCE)] == [
        "large", "small", "abroad", "closed",
    ]  # fmt: skip
    assert [one.slug for one in ranked(members, Rollup.COST)] == [
        "small", "large", "abroad", "closed",
    ]  # fmt: skip
    by = [one.slug for one in ranked(members, Rollup.QUANTITY, "electricity")]
    assert by == ["abroad", "closed", "large", "small"]
    whole = totals(members)
    # One of them tells no year before: so the whole has none.
    assert (whole.kgce.projects, whole.kgce.amount) == (2, Amount(Decimal("4.25")))
    assert totals([small, closed]).kgce.amount == Amount(Decimal("1.25"), Decimal(1))
    assert [(one.of, one.amount.now) for one in whole.costs] == [
        ("CNY", Decimal(9)),
        ("EUR", Decimal(1)),
    ]
    assert [(one.of, one.projects) for one in whole.energies] == [("electricity", 1)]
