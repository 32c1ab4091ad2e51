"""Sliding demand forecast over contract: warns, is high, is highest (domain.md 6.3, first row)."""

from datetime import datetime

from pydantic import Field

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict
from backend.service.demand import DemandWindow, demand_window


class DemandParams(Params):
    """Shares of the contract at which the alarm is medium, high, highest; and clears below."""

    warn_percent: float = Field(default=95, gt=0)
    high_percent: float = Field(default=100, gt=0)
    highest_percent: float = Field(default=105, gt=0)
    clear_percent: float = Field(default=3, ge=0)


class DemandForecast:
    """Evaluates `demand_forecast`."""

    name = "demand_forecast"
    params = DemandParams
    pace_s = 0.0

    async def load(
        self,
        tx: ReadSession,
        project_id: int,
        definition: Definition,
        now: datetime,
    ) -> DemandWindow | None:
        """Read the window of the contract in force."""
        return await demand_window(tx, project_id, now)

    def evaluate(
        self, params: DemandParams, window: DemandWindow, priority: int, *, was_active: bool
    ) -> Verdict:
        """Active above `warn_percent` of the contract; clears `clear_percent` points below it."""
        told = window.forecast()
        if told is None:
            return Verdict(None, window.at, priority)
        contract = window.contract.contract_kw
        percent = told.forecast_kw / contract * 100
        threshold = params.warn_percent - (params.clear_percent if was_active else 0)
        if percent <= threshold:
            return Verdict(False, window.newest_at, priority)
        numbers: dict[str, float | int | str] = {
            "valueKw": round(told.forecast_kw),
            "currentKw": round(told.current_kw),
            "contractKw": contract,
            "limitKw": round(window.contract.limit_kw),
            "percent": round(percent),
            "shedKw": round(told.shed_kw),
        }
        if told.minutes_to_limit is not None:
            numbers["minutes"] = round(told.minutes_to_limit)
        items = window.to_shed(told.shed_kw)
        if items:
            english = ", ".join(item.name.get("en", "") for item in items)
            chinese = "、".join(item.name.get("zh-CN", "") for item in items)
            numbers["shed"] = f"{english}|{chinese}"
        return Verdict(True, window.newest_at, _urgency(params, percent), numbers)


def _urgency(params: DemandParams, percent: float) -> int:
    """1 highest above `highest_percent`, 2 above `high_percent`, else 3."""
    if percent > params.highest_percent:
        return 1
    return 2 if percent > params.high_percent else 3
