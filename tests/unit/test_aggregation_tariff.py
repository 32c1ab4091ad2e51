"""Tariff rules become prices of quarter hours; wrong rules say where; factors go by validity."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backend.aggregation.factors import FactorRow, in_force, timeline
from backend.aggregation.pricing import Pricing
from backend.aggregation.tariff import TariffError, parse_rules, slots

SHANGHAI = ZoneInfo("Asia/Shanghai")
SUMMER: dict[str, object] = {
    "months": [7, 8],
    "days": "workday",
    "times": [["00:00", "08:30", "valley"], ["08:30", "11:30", "peak"], ["11:30", "24:00", "flat"]],
}
REST: dict[str, object] = {
    "months": list(range(1, 13)),
    "days": "all",
    "times": [["00:00", "24:00", "flat"]],
}
RULES: dict[str, object] = {
    "bands": {"peak": "1.10", "flat": "0.70", "valley": "0.30"},
    "holidays": ["2026-07-01"],
    "workdays": ["2026-07-04"],
    "seasons": [SUMMER, REST],
}


def all_year(*times: list[str]) -> dict[str, object]:
    """One season with these times."""
    return {"seasons": [REST | {"times": list(times)}]}


def bands_of(day: str, zone: ZoneInfo = SHANGHAI) -> list[str]:
    """The bands of a local day's quarter hours."""
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), zone).astimezone(UTC)
    after = date.fromisoformat(day) + timedelta(days=1)
    end = datetime.combine(after, datetime.min.time(), zone).astimezone(UTC)
    return [slot.band for slot in slots(parse_rules(RULES), zone, start, end)]


def test_case_10_bands_change_at_half_past() -> None:
    assert bands_of("2026-07-02") == ["valley"] * 34 + ["peak"] * 12 + ["flat"] * 50


@pytest.mark.parametrize(
    ("day", "band"),
    [
        ("2026-06-30", "flat"),  # another season
        ("2026-07-01", "flat"),  # a holiday in the week
        ("2026-07-05", "flat"),  # a Sunday
        ("2026-07-04", "valley"),  # a Saturday that is worked
        ("2026-07-03", "valley"),
    ],
)
def test_months_and_day_types(day: str, band: str) -> None:
    assert bands_of(day)[0] == band


def test_a_day_of_23_hours_is_priced_by_its_own_clock() -> None:
    rules = parse_rules(
        RULES
        | {
            "seasons": [
                REST | {"times": [["00:00", "03:00", "valley"], ["03:00", "24:00", "flat"]]}
            ]
        }
    )
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)
    found = [slot.band for slot in slots(rules, berlin, start, start + timedelta(hours=23))]
    assert found == ["valley"] * 8 + ["flat"] * 84


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bands": {"flat": "0.7"}}, "season 1: no price for band 'peak'"),
        ({"bands": {"flat": 0.7}}, "band flat: price 0.7 is not a number written as text"),
        ({"seasons": [SUMMER]}, "no season fits month 1 on a workday"),
        ({"seasons": [REST | {"months": [13]}]}, "season 1: months are numbers from 1 to 12"),
        ({"seasons": [REST | {"days": "sunday"}]}, "season 1: days 'sunday' is none of all"),
        (
            all_year(["00:00", "12:00", "flat"]),
            "season 1: times do not cover 00:00 to 24:00",
        ),
        (
            {
                "seasons": [
                    REST | {"times": [["00:00", "12:00", "flat"], ["13:00", "24:00", "flat"]]}
                ]
            },
            "season 1: times do not follow one another",
        ),
        (
            {
                "seasons": [
                    REST | {"times": [["00:00", "08:20", "flat"], ["08:20", "24:00", "flat"]]}
                ]
            },
            "season 1: 08:20 is not at a quarter hour",
        ),
        ({"holidays": ["soon"]}, "holidays: Invalid isoformat string: 'soon'"),
    ],
)
def test_wrong_rules_say_where(change: dict[str, object], message: str) -> None:
    with pytest.raises(TariffError, match=message):
        parse_rules(RULES | change)


def factor(value: str, basis: str, since: int, until: int | None = None) -> FactorRow:
    """A kgce factor of electricity, valid from one year to another."""
    end = None if until is None else datetime(until, 1, 1, tzinfo=UTC)
    start = datetime(since, 1, 1, tzinfo=UTC)
    return FactorRow("electricity", "kgce", Decimal(value), basis, start, end, "test", None)


def test_the_accounted_factor_that_became_valid_last_is_in_force() -> None:
    rows = [
        factor("0.1229", "calorific", 2020),
        factor("0.3", "equivalent", 2021),
        factor("0.123", "calorific", 2024, 2025),
    ]
    found = {
        year: in_force(rows, "electricity", "kgce", datetime(year, 6, 1, tzinfo=UTC))
        for year in (2019, 2020, 2021, 2024, 2025)
    }
    assert {year: row and str(row.value) for year, row in found.items()} == {
        2019: None, 2020: "0.1229", 2021: "0.1229", 2024: "0.123", 2025: "0.1229",
    }  # fmt: skip
    pricing = Pricing(timeline(rows), {("electricity", 1_719_792_000): Decimal("0.65")})
    summer = 1_719_792_000  # 1 July 2024
    assert pricing.rates("electricity", summer) == (
        Decimal("0.000000123"), None, Decimal("0.00000065")
    )  # fmt: skip
    assert pricing.rates("electricity", 0) == (None, None, None)
