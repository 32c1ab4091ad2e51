"""The plant: nodes, meters, devices, gateways and their newest values."""

from datetime import datetime
from enum import Enum

import strawberry

from backend.application.directory import LivePoint
from backend.application.graphql.configs import GatewayConfig, list_configs
from backend.application.graphql.context import Door
from backend.application.graphql.fleet import GatewayHealth, read_health
from backend.application.graphql.naming import Name
from backend.application.graphql.scalars import BigInt
from backend.application.graphql.support import SupportRequest, list_requests
from backend.application.graphql.updates import GatewayUpdate, list_updates
from backend.application.live_cache import LiveView
from backend.application.powers import Power, node_power
from backend.core.ids import encode_id
from backend.service.gateways.configuration import GatewayKey
from backend.service.plant import rows
from gateway.contract.quality import Quality as Stored


@strawberry.enum
class Quality(Enum):
    """How far a sample or a figure can be trusted."""

    GOOD = "GOOD"
    ESTIMATED = "ESTIMATED"
    SUBSTITUTED = "SUBSTITUTED"
    MANUAL = "MANUAL"
    SUSPECT = "SUSPECT"
    MISSING = "MISSING"


QUALITIES = {stored: Quality[stored.name] for stored in Stored}


@strawberry.type
class LiveValue:
    """The newest sample of one point."""

    device_id: strawberry.ID
    meter_id: strawberry.ID | None
    key: str
    value: float | None
    unit: str
    quality: Quality
    at: datetime


def live_value(live: LiveView, point: LivePoint | None) -> LiveValue | None:
    """Answer the newest sample of a point; None where there is none yet."""
    sample = None if point is None else live.newest(point)
    if point is None or sample is None:
        return None
    missing = sample.quality is Stored.MISSING
    return LiveValue(
        device_id=strawberry.ID(point.device_id),
        meter_id=None if point.meter_id is None else strawberry.ID(point.meter_id),
        key=point.key,
        value=None if missing else sample.value,
        unit=point.unit,
        quality=QUALITIES[sample.quality],
        at=sample.at,
    )


def live_values(live: LiveView, points: list[LivePoint]) -> list[LiveValue]:
    """Answer the newest samples of those points that have one."""
    found = (live_value(live, point) for point in points)
    return [value for value in found if value is not None]


@strawberry.type
class Node:
    """A place in the plant tree."""

    door: strawberry.Private[Door]
    row: strawberry.Private[rows.NodeRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("node", self.row.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.row.slug

    @strawberry.field
    def kind(self) -> str:
        return self.row.kind

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def parent_id(self) -> strawberry.ID | None:
        uid = self.row.parent_uid
        return None if uid is None else strawberry.ID(encode_id("node", uid))

    @strawberry.field
    def tree(self) -> str:
        return self.row.tree

    @strawberry.field
    def level(self) -> int | None:
        """Metering level of GB 17167 (1 unit, 2 major secondary unit, 3 major equipment)."""
        return self.row.level

    @strawberry.field
    def major(self) -> bool:
        """Whether it is major equipment of GB 17167."""
        return self.row.major

    @strawberry.field
    def valid_to(self) -> datetime | None:
        """When it ends or ended; its past stays."""
        return self.row.valid_to

    @strawberry.field
    async def energies(self) -> list[str]:
        """Energies that have an account here."""
        terms = (await self.door.directory()).terms.get(self.row.id, [])
        return list(dict.fromkeys(term.energy for term in terms))

    @strawberry.field
    async def meter_ids(self) -> list[strawberry.ID]:
        terms = (await self.door.directory()).terms.get(self.row.id, [])
        return [strawberry.ID(encode_id("mtr", term.meter_uid)) for term in terms]

    @strawberry.field
    async def power_kw(self) -> float | None:
        """Power now in kW; null unless all its electricity meters are fresh."""
        power = await self._power()
        return power.kw if power else None

    @strawberry.field
    async def power_at(self) -> datetime | None:
        """The oldest instant that the power stands on."""
        power = await self._power()
        return power.at if power else None

    async def _power(self) -> Power | None:
        return node_power(await self.door.live(), await self.door.directory(), self.row)


@strawberry.type
class WritablePoint:
    """A point that a command may set: from `low` to `high`, in whole steps from `low`."""

    key: str
    unit: str
    low: float
    high: float
    step: float | None


@strawberry.type
class Device:
    """A field device."""

    door: strawberry.Private[Door]
    row: strawberry.Private[rows.DeviceRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("dev", self.row.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.row.slug

    @strawberry.field
    def name(self) -> Name | None:
        return None if self.row.name is None else Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def gateway_id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("gtw", self.row.gateway_uid))

    @strawberry.field
    def profile(self) -> str | None:
        return self.row.profile

    @strawberry.field
    def verified(self) -> bool:
        """False until a second source or a check on site confirmed the profile's addresses."""
        return self.row.verified

    @strawberry.field
    def online(self) -> bool:
        return self.row.online

    @strawberry.field
    async def values(self) -> list[LiveValue]:
        live = await self.door.live()
        directory = await self.door.directory()
        points = directory.points_of_device.get(self.row.id, [])
        return live_values(live, [directory.points[row.id] for row in points])

    @strawberry.field
    async def writable(self) -> list[WritablePoint]:
        """Points that a command may set, as the device's profile on its gateway says."""
        found = (await self.door.directory()).points_of_device.get(self.row.id, [])
        return [
            WritablePoint(
                key=row.name,
                unit=row.unit,
                low=row.write_min,
                high=row.write_max,
                step=row.write_step,
            )
            for row in found
            if row.write_min is not None and row.write_max is not None
        ]

    @strawberry.field
    async def meter_ids(self) -> list[strawberry.ID]:
        """Meters that account from this device; empty = not yet assigned."""
        found = (await self.door.directory()).meters_of_device.get(self.row.id, [])
        return [strawberry.ID(encode_id("mtr", meter.uid)) for meter in found]


@strawberry.type
class Gateway:
    """A box at the site that reads devices."""

    door: strawberry.Private[Door]
    row: strawberry.Private[rows.GatewayRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("gtw", self.row.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.row.slug

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def online(self) -> bool:
        return self.row.online

    @strawberry.field
    def last_seen_at(self) -> datetime | None:
        return self.row.last_seen_at

    @strawberry.field
    def born_at(self) -> datetime | None:
        return self.row.born_at

    @strawberry.field
    def clock_offset_ms(self) -> int | None:
        return self.row.clock_offset_ms

    @strawberry.field
    def dropped_total(self) -> BigInt:
        return BigInt(self.row.dropped_total)

    @strawberry.field
    async def health(self) -> GatewayHealth | None:
        """How it is: software, configuration in force, backlog, lines."""
        return await read_health(self.door, self.row.id)

    @strawberry.field
    async def support_requests(self, first: int = 20) -> list[SupportRequest]:
        """Grants and questions of support, newest first."""
        return await list_requests(self.door, GatewayKey(self.row.id, self.row.uid), first)

    @strawberry.field
    async def updates(self, first: int = 20) -> list[GatewayUpdate]:
        """Releases of its software that it was asked to try, newest first."""
        return await list_updates(self.door, GatewayKey(self.row.id, self.row.uid), first)

    @strawberry.field
    async def configs(self, first: int = 20) -> list[GatewayConfig]:
        """Versions of its configuration document, newest first; the first is the one wanted."""
        return await list_configs(self.door, GatewayKey(self.row.id, self.row.uid), first)

    @strawberry.field
    def certificate_until(self) -> datetime | None:
        """When its certificate ends; null = it has none, and connects with a secret if at all."""
        return self.row.certificate_until
