"""The demand as the settlement meter computes it, held against the contract."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.shedding import ShedSuggestion, suggestions
from backend.core.db import ReadSession
from backend.service.demand import demand_window
from backend.service.demand_peaks import month_peak


@strawberry.type
class Demand:
    """The demand by the settlement meter's own method (sliding with its step, or block)."""

    at: datetime
    window_minutes: int
    step_minutes: int
    contract_kw: float
    limit_kw: float = strawberry.field(
        description="105 % of the contract: above it the excess is charged double."
    )
    current_kw: float
    forecast_kw: float = strawberry.field(
        description="The highest within the next window, at this load."
    )
    minutes_to_limit: float | None = strawberry.field(
        description="Minutes until the limit is reached at this load; null when it is not."
    )
    shed_kw: float | None
    month_max_kw: float | None = strawberry.field(
        description="Highest of the month so far; null until it is known."
    )
    shed: list[ShedSuggestion]


async def read_demand(tx: ReadSession, door: Door) -> Demand | None:
    """Answer the demand now; None without a contract or without fresh samples."""
    now = door.process.platform.clock.now()
    window = await demand_window(tx, door.project.id, now)
    forecast = None if window is None else window.forecast()
    if window is None or forecast is None:
        return None
    contract, today = window.contract, door.today(now)
    return Demand(
        at=window.at,
        window_minutes=int(contract.method.window.total_seconds() // 60),
        step_minutes=int(contract.method.step.total_seconds() // 60),
        contract_kw=float(contract.contract_kw),
        limit_kw=contract.limit_kw,
        current_kw=forecast.current_kw,
        forecast_kw=forecast.forecast_kw,
        minutes_to_limit=forecast.minutes_to_limit,
        shed_kw=forecast.shed_kw or None,
        month_max_kw=await month_peak(
            tx, door.project.id, contract.node_id, today.month, today.month_end
        ),
        shed=await suggestions(door, window.to_shed(forecast.shed_kw)),
    )
