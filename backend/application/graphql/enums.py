"""Enums of the layers below, registered in the schema once: fields that have one take it from here.

An enum that a field names before it is registered would be registered a second time.
"""

import strawberry

from backend.aggregation.earlier import Against
from backend.aggregation.measures import Measure
from backend.application.curves import Period
from backend.service.groups.consents import Rollup
from backend.service.groups.invitations import For as GroupLink
from backend.service.groups.spans import Why as GroupWhy
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
strawberry.enum(
    Rollup,
    description="What a project may let a group see: quantities of energies, coal equivalent,"
    " carbon, cost, coal equivalent per unit of a product; and DAYS: all of these by day and up to"
    " now, not only of months that are over.",
)
strawberry.enum(
    GroupLink,
    name="GroupLink",
    description="Whom a link of a group is for: a project, or a person who becomes its reader or"
    " owner.",
)
strawberry.enum(
    GroupWhy,
    name="GroupWhy",
    description="Why a group is not told a number: the consent ended; the amount, or days, were"
    " not consented to; it lies before the first day that is told; it is not over; or the plant"
    " has no figure, factor or price.",
)

__all__ = [
    "Against",
    "DeliveryState",
    "GroupLink",
    "GroupWhy",
    "Measure",
    "Module",
    "MqttScope",
    "Period",
    "Permission",
    "Rollup",
    "WebhookKind",
]
