"""The alarm kinds there are: a new kind is a file beside this one and a line here."""

from typing import Any

from backend.service.alarms.kinds.base import Kind
from backend.service.alarms.kinds.certificate_expiry import CertificateExpiry
from backend.service.alarms.kinds.demand_forecast import DemandForecast
from backend.service.alarms.kinds.gateway_data_budget import GatewayDataBudget
from backend.service.alarms.kinds.messages_dropped import MessagesDropped
from backend.service.alarms.kinds.meter_silent import MeterSilent
from backend.service.alarms.kinds.off_shift_use import OffShiftUse
from backend.service.alarms.kinds.quota_reached import QuotaReached

KINDS: dict[str, Kind[Any, Any]] = {
    kind.name: kind
    for kind in (
        DemandForecast(),
        OffShiftUse(),
        MeterSilent(),
        CertificateExpiry(),
        GatewayDataBudget(),
        MessagesDropped(),
        QuotaReached(),
    )
}
