"""Enums of the layers below, registered in the schema once: fields that have one take it from here.

An enum that a field names before it is registered would be registered a second time.
"""

import strawberry

from backend.aggregation.earlier import Against
from backend.aggregation.measures import Measure
from backend.application.curves import Period
from backend.service.integration.access import Scope as MqttScope
from backend.service.people.roles import Module, Permission
from backend.service.webhooks.hooks import DeliveryState
from backend.service.webhooks.hooks import Kind as WebhookKind

strawberry.enum(Period, description="Lengths of accounts.")
strawberry.enum(
    Measure,
    description="What a curve shows: quantity, kgce, kgCO2, cost, the mean power of a step (display"
    " unit per hour), or the share of the meter-seconds that stand on readings.",
)
strawberry.enum(
    Against,
    description="PREVIOUS: the span of the same length before; YEAR: the same dates a year ago.",
)

strawberry.enum(Permission, description="One thing a person may do in a project.")
strawberry.enum(Module, description="A part of what is told of a plant, whatever the place.")
strawberry.enum(MqttScope, name="MqttScope", description="What a credential at the broker is for.")
strawberry.enum(WebhookKind, name="WebhookKind", description="An event that webhooks are told of.")
strawberry.enum(
    DeliveryState,
    name="WebhookDeliveryState",
    description="PENDING: it is tried (again); SENT: it was taken; DEAD: it was given up.",
)

__all__ = [
    "Against",
    "DeliveryState",
    "Measure",
    "Module",
    "MqttScope",
    "Period",
    "Permission",
    "WebhookKind",
]
