"""Every table of the platform, one topic a file; `metadata` is what alembic compares."""

from sqlmodel import SQLModel

from backend.core.tables.accounts import (
    Account,
    CalendarPeriod,
    DemandPeak,
    Factor,
    RegisterJudgement,
    ShiftPeriod,
    Tariff,
    TariffSlot,
)
from backend.core.tables.alarms import (
    AlarmAck,
    AlarmDefinition,
    AlarmLease,
    AlarmOccurrence,
    AlarmTransition,
    Event,
    EventCounter,
    Notification,
    PushSubscription,
)
from backend.core.tables.enrolment import EnrolmentCode, EnrolmentEvent, GatewayCertificate
from backend.core.tables.plant import (
    Device,
    Gateway,
    GatewayState,
    Meter,
    Node,
    NodeMeter,
    Point,
    PointAlias,
    ShedItem,
    SupplyContract,
)
from backend.core.tables.platform import (
    GLOBAL_TABLES,
    EnergyTypeRow,
    Membership,
    Person,
    PlatformKey,
    Project,
    SignInSession,
)
from backend.core.tables.readings import (
    Dirty,
    ImportJob,
    LastValue,
    Reading,
    ReadingQuarantine,
    RegisterEvent,
)
from backend.core.tables.remote import AuditEntry, Command, DeviceProfile, GatewayConfig

metadata = SQLModel.metadata

__all__ = [
    "GLOBAL_TABLES",
    "Account",
    "AlarmAck",
    "AlarmDefinition",
    "AlarmLease",
    "AlarmOccurrence",
    "AlarmTransition",
    "AuditEntry",
    "CalendarPeriod",
    "Command",
    "DemandPeak",
    "Device",
    "DeviceProfile",
    "Dirty",
    "EnergyTypeRow",
    "EnrolmentCode",
    "EnrolmentEvent",
    "Event",
    "EventCounter",
    "Factor",
    "Gateway",
    "GatewayCertificate",
    "GatewayConfig",
    "GatewayState",
    "ImportJob",
    "LastValue",
    "Membership",
    "Meter",
    "Node",
    "NodeMeter",
    "Notification",
    "Person",
    "PlatformKey",
    "Point",
    "PointAlias",
    "Project",
    "PushSubscription",
    "Reading",
    "ReadingQuarantine",
    "RegisterEvent",
    "RegisterJudgement",
    "ShedItem",
    "ShiftPeriod",
    "SignInSession",
    "SupplyContract",
    "Tariff",
    "TariffSlot",
    "metadata",
]
