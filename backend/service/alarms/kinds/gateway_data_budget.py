"""Gateway data budget: gateways that used most of what their link may carry in a month.

At 95 % a gateway reports only registers at quarter hours and alarms by itself, so the alarm comes
while somebody can still raise the limit or thin out what is reported.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from backend.core.db import ReadSession
from backend.service.alarms.kinds.base import Definition, Params, Verdict


class DataBudgetParams(Params):
    """Percent of the month's budget from which the alarm is raised, and is raised in priority."""

    percent: int = Field(default=80, ge=1, le=100)
    thrift_percent: int = Field(default=95, ge=1, le=100)


@dataclass(frozen=True, slots=True)
class BudgetedGateway:
    """A gateway with a budget; bytes of its running month."""

    slug: str
    used: int
    forecast: int
    limit: int

    @property
    def percent(self) -> int:
        """Share of the budget that is used, in whole percent."""
        return self.used * 100 // self.limit


@dataclass(frozen=True, slots=True)
class DataBudgetWindow:
    """All gateways of the project that have a budget, as they last said."""

    at: datetime
    gateways: tuple[BudgetedGateway, ...]


class GatewayDataBudget:
    """Evaluates `gateway_data_budget`: one occurrence for all gateways, the fullest decides."""

    name = "gateway_data_budget"
    params = DataBudgetParams
    pace_s = 60.0

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> DataBudgetWindow | None:
        """Read what gateways said; None where none has a budget."""
        rows = await tx.fetch_all(
            """
            SELECT g.slug, coalesce(s.data_bytes, 0) AS used,
                   coalesce(s.data_forecast, 0) AS forecast, s.data_budget AS limit
            FROM gateway g
            JOIN gateway_state s ON s.project_id = %(project)s AND s.gateway_id = g.id
            WHERE g.project_id = %(project)s AND s.data_budget > 0 ORDER BY g.slug
            """,
            {"project": project_id},
            into=BudgetedGateway,
        )
        return DataBudgetWindow(now, tuple(rows)) if rows else None

    def evaluate(
        self, params: DataBudgetParams, window: DataBudgetWindow, priority: int, *, was_active: bool
    ) -> Verdict:
        """Active while any gateway is beyond; one priority higher once a gateway is thrifty."""
        full = [one for one in window.gateways if one.percent >= params.percent]
        if not full:
            return Verdict(False, window.at, priority)
        fullest = max(full, key=lambda one: one.percent)
        if fullest.percent >= params.thrift_percent:
            priority = max(1, priority - 1)
        names = ", ".join(one.slug for one in full[:3])
        return Verdict(
            True,
            window.at,
            priority,
            {
                "gateways": names,
                "count": len(full),
                "percent": fullest.percent,
                "forecastPercent": fullest.forecast * 100 // fullest.limit,
            },
        )
