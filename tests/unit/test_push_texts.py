"""What a person reads of an alarm, in both languages."""

import uuid

import pytest

from backend.service.alarms.kinds.registry import KINDS
from backend.service.notify.message import AlarmNews, render
from backend.service.notify.message import test_message as proof

UID = uuid.UUID(int=1)
NUMBERS: dict[str, dict[str, float | int | str]] = {
    "demand_forecast": {
        "valueKw": 4512,
        "contractKw": 4200,
        "percent": 107,
        "shedKw": 102,
        "minutes": 7,
        "shed": "Paint oven 2|2号烘房",
    },
    "off_shift_use": {"valueKw": 88.4, "limitKw": 60, "minutes": 30},
    "meter_silent": {"count": 2, "devices": "comp-1, comp-2", "minutes": 5},
    "quota_reached": {"points": 4200},
    "messages_dropped": {"count": 1, "gateways": "gateway-2", "messages": 4200},
    "certificate_expiry": {"count": 1, "gateways": "gateway-2", "days": 6},
    "gateway_data_budget": {
        "count": 1,
        "gateways": "gateway-2",
        "percent": 81,
        "forecastPercent": 120,
    },
}


def news(kind: str, numbers: dict[str, float | int | str]) -> AlarmNews:
    """A transition of one kind at the paint shop."""
    return AlarmNews(
        "demo",
        UID,
        1,
        kind,
        {"en": "Demand"},
        {"en": "Paint shop", "zh-CN": "涂装车间"},
        1,
        numbers,
        3,
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_every_kind_has_its_texts(kind: str, locale: str) -> None:
    """Every registered kind renders in both languages without a brace left over."""
    message = render(news(kind, NUMBERS[kind]), locale)
    assert "{" not in message.title + message.body
    assert message.action == {"en": "I take it", "zh-CN": "我来处理"}[locale]
    assert message.urgent


def test_demand_says_what_to_stop() -> None:
    """The sentence a shift leader reads on a locked phone."""
    english = render(news("demand_forecast", NUMBERS["demand_forecast"]), "en")
    assert english.title == "Demand: 4,512 kW in 15 min"
    assert english.body == ("107 % of the contract (4,200 kW). Shed 102 kW: stop Paint oven 2.")
    chinese = render(news("demand_forecast", NUMBERS["demand_forecast"]), "zh-CN")
    assert chinese.body == "达合约需量 4,200 kW 的 107%，需减 102 kW：请停2号烘房。"
    assert english.tag == chinese.tag
    assert english.navigate == "/alarms/alm_00000000000000000000000001"


def test_plurals() -> None:
    """One meter or several."""
    assert render(news("meter_silent", NUMBERS["meter_silent"]), "en").title == (
        "2 meters are silent"
    )
    one = {**NUMBERS["meter_silent"], "count": 1}
    assert render(news("meter_silent", one), "en").title == "A meter is silent"


def test_the_proof_of_reach_has_no_action() -> None:
    """A test notification is not an alarm to take."""
    assert proof("demo", "zh-CN").action is None
