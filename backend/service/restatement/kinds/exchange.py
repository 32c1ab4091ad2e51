"""A meter was exchanged and nobody said so: readings from then on are the new one's."""

from datetime import datetime

from pydantic import Field

from backend.aggregation.register_events import Kind, RegisterEvent
from backend.service.restatement.kinds.base import Moment
from backend.service.restatement.kinds.register import RegisterChange


class ExchangeChange(RegisterChange):
    """When a meter was exchanged, the old one's last and the new one's first reading."""

    name = "exchange"
    at: Moment
    final: float = Field(ge=0, allow_inf_nan=False, description="In the register's unit.")
    initial: float = Field(ge=0, allow_inf_nan=False, description="In the register's unit.")

    @property
    def begins(self) -> datetime:
        """When it begins."""
        return self.at

    def event(self, point: int) -> RegisterEvent:
        """Answer the exchange."""
        return RegisterEvent(point, Kind.EXCHANGE, self.at, final=self.final, initial=self.initial)
