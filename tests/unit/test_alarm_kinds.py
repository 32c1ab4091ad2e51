"""Alarm kinds as golden cases: windows in, verdicts out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.aggregation.demand import Method
from backend.service.alarms.avoided import avoided_cost
from backend.service.alarms.kinds.certificate_expiry import (
    CertificateExpiry,
    ExpiringGateway,
    ExpiryParams,
    ExpiryWindow,
)
from backend.service.alarms.kinds.demand_forecast import DemandForecast, DemandParams
from backend.service.alarms.kinds.gateway_data_budget import (
    BudgetedGateway,
    DataBudgetParams,
    DataBudgetWindow,
    GatewayDataBudget,
)
from backend.service.alarms.kinds.messages_dropped import (
    DroppedParams,
    DroppedWindow,
    LossyGateway,
    MessagesDropped,
)
from backend.service.alarms.kinds.meter_silent import (
    MeterSilent,
    SilentDevice,
    SilentParams,
    SilentWindow,
)
from backend.service.alarms.kinds.off_shift_use import (
    OffShiftParams,
    OffShiftUse,
    OffShiftWindow,
)
from backend.service.demand import Contract, DemandWindow, Shed

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CONTRACT = Contract(1, 4200, Method(), Decimal(40), confirmed=False)
POWER_AT = NOW + timedelta(seconds=3)
"""A power that was sampled after the last step of the energy register: it decides."""
OVENS = Shed(7, {"en": "Paint oven 2", "zh-CN": "2号烘房"}, 420, 15)
FURNACE = Shed(8, {"en": "Furnace 2", "zh-CN": "2号炉"}, 1500, 20)


def window(mean_kw: float, power_kw: float) -> DemandWindow:
    """Fifteen minutes at `mean_kw` that end at NOW, then `power_kw`."""
    start = NOW - timedelta(minutes=15)
    samples = [(start + timedelta(minutes=m), mean_kw * m / 60) for m in range(16)]
    return DemandWindow(NOW, CONTRACT, samples, power_kw, POWER_AT, [OVENS, FURNACE])


@pytest.mark.parametrize(
    ("power_kw", "active", "priority"),
    [(3900, False, 2), (4000, True, 3), (4250, True, 2), (4450, True, 1)],
)
def test_demand_forecast_by_share_of_the_contract(
    power_kw: float, active: bool, priority: int
) -> None:
    """95 % of 4,200 is 3,990 (medium), 100 % high, 105 % is 4,410 (highest)."""
    verdict = DemandForecast().evaluate(DemandParams(), window(3600, power_kw), 2, was_active=False)
    assert (verdict.active, verdict.priority) == (active, priority)
    assert verdict.at == POWER_AT


def test_demand_forecast_names_what_to_shed() -> None:
    """5,400 kW after 3,600: limit in 7 min, 990 kW too much: oven 2 alone does not do."""
    verdict = DemandForecast().evaluate(DemandParams(), window(3600, 5400), 2, was_active=False)
    assert verdict.params == {
        "valueKw": 5400,
        "currentKw": 3600,
        "contractKw": 4200,
        "limitKw": 4410,
        "percent": 129,
        "shedKw": 990,
        "minutes": 7,
        "shed": "Paint oven 2, Furnace 2|2号烘房、2号炉",
    }


def test_demand_forecast_clears_three_points_lower() -> None:
    """Raised above 95 %, an active alarm holds until 92 %."""
    kind, params = DemandForecast(), DemandParams()
    assert kind.evaluate(params, window(3600, 3900), 2, was_active=True).active is True
    assert kind.evaluate(params, window(3600, 3860), 2, was_active=True).active is False


def test_demand_forecast_says_nothing_on_half_a_window() -> None:
    """Without fifteen minutes of samples the state stays as it was."""
    short = DemandWindow(
        NOW, CONTRACT, [(NOW - timedelta(minutes=9), 0.0), (NOW, 700.0)], 9e3, NOW, []
    )
    assert DemandForecast().evaluate(DemandParams(), short, 2, was_active=True).active is None


def off(*, in_shift: bool = False, covered: bool = True, low: float, new: float) -> OffShiftWindow:
    """A window of off-shift use."""
    return OffShiftWindow(NOW, in_shift, covered, low, new)


@pytest.mark.parametrize(
    ("seen", "was_active", "active"),
    [
        (off(low=61, new=80), False, True),
        (off(low=59, new=80), False, False),
        (off(low=61, new=80, in_shift=True), False, False),
        (off(low=61, new=80, covered=False), False, False),
        (off(low=10, new=55), True, True),
        (off(low=10, new=53), True, False),
        (off(low=61, new=80, in_shift=True), True, False),
    ],
)
def test_off_shift_use(seen: OffShiftWindow, was_active: bool, active: bool) -> None:
    """Above 60 kW for the whole time and no shift; clears below 54 kW or when a shift begins."""
    verdict = OffShiftUse().evaluate(OffShiftParams(limit_kw=60), seen, 3, was_active=was_active)
    assert verdict.active is active


def test_meter_silent_is_one_alarm_for_all_devices() -> None:
    """Raised five minutes after the first device's last sample, with how many are silent."""
    seen = SilentWindow(
        NOW,
        30,
        (
            SilentDevice("comp-1", NOW - timedelta(minutes=9)),
            SilentDevice("comp-2", NOW - timedelta(minutes=12)),
        ),
    )
    verdict = MeterSilent().evaluate(SilentParams(), seen, 3, was_active=False)
    assert verdict.active is True
    assert verdict.at == NOW - timedelta(minutes=7)
    assert verdict.params == {
        "devices": "comp-1, comp-2",
        "count": 2,
        "minutes": 5,
        "sinceAt": (NOW - timedelta(minutes=12)).isoformat(),
    }
    quiet = SilentWindow(NOW, 30, ())
    assert MeterSilent().evaluate(SilentParams(), quiet, 3, was_active=True).active is False


@pytest.mark.parametrize(
    ("left", "active", "priority", "since"),
    [
        (timedelta(days=30), False, 3, None),
        (timedelta(days=30, seconds=-1), True, 3, 30),
        (timedelta(days=7, seconds=-1), True, 2, 7),
        (timedelta(hours=23), True, 1, 1),
        (timedelta(days=-2), True, 1, 1),
    ],
)
def test_certificate_expiry_at_30_7_and_1_days(
    left: timedelta, active: bool, priority: int, since: int | None
) -> None:
    """The nearest end decides; a gateway with enough time left is not named."""
    ends = NOW + left
    seen = ExpiryWindow(
        NOW, (ExpiringGateway("g1", ends), ExpiringGateway("g2", NOW + timedelta(days=60)))
    )
    verdict = CertificateExpiry().evaluate(ExpiryParams(), seen, 3, was_active=False)
    assert (verdict.active, verdict.priority) == (active, priority)
    if since is not None:
        assert verdict.at == ends - timedelta(days=since)
        assert verdict.params == {
            "gateways": "g1",
            "count": 1,
            "days": max(0, left.days),
            "endsAt": ends.isoformat(),
        }


@pytest.mark.parametrize(
    ("used", "active", "priority"),
    [(799, False, 3), (800, True, 3), (949, True, 3), (950, True, 2)],
)
def test_gateway_data_budget_at_80_and_95_percent(used: int, active: bool, priority: int) -> None:
    """The fullest decides; a gateway with enough left is not named."""
    seen = DataBudgetWindow(
        NOW, (BudgetedGateway("g1", used, 1500, 1000), BudgetedGateway("g2", 10, 20, 1000))
    )
    verdict = GatewayDataBudget().evaluate(DataBudgetParams(), seen, 3, was_active=False)
    assert (verdict.active, verdict.priority) == (active, priority)
    if active:
        assert verdict.params == {
            "gateways": "g1",
            "count": 1,
            "percent": used // 10,
            "forecastPercent": 150,
        }


def test_messages_dropped_is_one_alarm_for_all_gateways() -> None:
    """Raised when the first of them lost something, with what all of them lost."""
    seen = DroppedWindow(
        NOW,
        (
            LossyGateway("gateway-2", 4000, NOW - timedelta(minutes=3)),
            LossyGateway("gateway-1", 200, NOW - timedelta(minutes=50)),
        ),
    )
    verdict = MessagesDropped().evaluate(DroppedParams(), seen, 2, was_active=False)
    assert (verdict.active, verdict.priority) == (True, 2)
    assert verdict.at == NOW - timedelta(minutes=50)
    assert verdict.params == {"gateways": "gateway-2, gateway-1", "count": 2, "messages": 4200}
    none = DroppedWindow(NOW, ())
    assert MessagesDropped().evaluate(DroppedParams(), none, 2, was_active=True).active is False


def test_avoided_cost_by_its_formula() -> None:
    """Forecast 4,700, really 4,430, limit 4,410: 2 x 40 x (290 - 20) = 21,600."""
    told = avoided_cost(Decimal(4700), Decimal(4430), Decimal(4200), Decimal(40))
    assert told.amount == Decimal("21600.00")
    assert told.limit_kw == Decimal("4410.00")
    nothing = avoided_cost(Decimal(4300), Decimal(4250), Decimal(4200), Decimal(40))
    assert nothing.amount == Decimal("0.00")
