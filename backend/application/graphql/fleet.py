"""How gateways are, and whether the data are complete."""

from datetime import datetime
from uuid import UUID

import strawberry

from backend.application.graphql.configs import ConfigState
from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.scalars import BigInt
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.gateways import fleet, gaps


@strawberry.type
class GatewayLine:
    """One line of a gateway: a connection or bus that its devices share."""

    name: str = strawberry.field(description="Protocol and address, without passwords.")
    devices: int
    alive: int = strawberry.field(description="Devices that answer.")
    connected: bool
    busy_percent: int | None = strawberry.field(
        description="Share of the last minute in which something was on it; null for a line that "
        "reports by itself."
    )
    late: int = strawberry.field(description="Polls since the start that missed their instant.")
    failed: int = strawberry.field(description="Polls since the start that brought nothing.")


@strawberry.type
class GatewayHealth:
    """How a gateway is, as far as it said so."""

    wire: str | None = strawberry.field(
        description="Version of our extension it speaks; null = a third-party Sparkplug node."
    )
    software: str | None = strawberry.field(description="Version of its software.")
    died_at: datetime | None = strawberry.field(description="When it was last lost.")
    backlog: int | None = strawberry.field(
        description="Messages in its journal that are not acknowledged, as it last said."
    )
    sequence_gaps: int = strawberry.field(description="Holes seen in the sequence of its messages.")
    rebirths: int = strawberry.field(description="How often it was asked to be born again.")
    devices: int = strawberry.field(description="Devices it ever had.")
    devices_alive: int
    config_version: int | None = strawberry.field(
        description="Version of the configuration in force; 0 = its own file."
    )
    config_wanted: int | None = strawberry.field(
        description="Version that is wanted; null = none was ever put."
    )
    config_state: ConfigState | None = strawberry.field(
        description="How far the version that is wanted is."
    )
    config_in_force: bool | None = strawberry.field(
        description="Whether what is wanted is in force, by its hash; null = nothing is wanted."
    )
    granted_until: datetime | None = strawberry.field(
        description="Until when support may probe and change its log level; null = nobody may."
    )
    data_bytes: BigInt | None = strawberry.field(
        description="Bytes that its link carried in the running month, both directions."
    )
    data_forecast: BigInt | None = strawberry.field(
        description="Bytes at the month's end if the rest goes as it went so far."
    )
    data_budget: BigInt | None = strawberry.field(
        description="Bytes a month that its link may carry; 0 = no limit."
    )
    lines: list[GatewayLine]

    @classmethod
    def of(cls, found: fleet.Health, now: datetime) -> "GatewayHealth":
        """Answer what is stored of one gateway."""
        granted = found.granted_until
        state = found.wanted_state
        return cls(
            wire=found.wire,
            software=found.software,
            died_at=found.died_at,
            backlog=found.backlog,
            sequence_gaps=found.sequence_gaps,
            rebirths=found.rebirths,
            devices=found.devices,
            devices_alive=found.devices_alive,
            config_version=found.config_version,
            config_wanted=found.wanted_version,
            config_state=None if state is None else ConfigState[state.upper()],
            config_in_force=found.config_in_force,
            granted_until=granted if granted is not None and granted > now else None,
            data_bytes=_big(found.data_bytes),
            data_forecast=_big(found.data_forecast),
            data_budget=_big(found.data_budget),
            lines=[
                GatewayLine(
                    name=line.name,
                    devices=line.devices,
                    alive=line.alive,
                    connected=line.connected,
                    busy_percent=line.busy,
                    late=line.late,
                    failed=line.failed,
                )
                for line in found.lines
            ],
        )


@strawberry.type
class GapHour:
    """One hour of one meter: how many slots of time were expected and are stored."""

    gateway_id: strawberry.ID
    meter_id: strawberry.ID
    hour: datetime
    expected: int
    stored: int
    missing: int


@strawberry.type
class GapLedger:
    """Whether the data of a span are complete; sums are over all hours, also those not listed."""

    expected: int
    stored: int
    missing: int
    hours: list[GapHour] = strawberry.field(
        description="Hours with something missing, newest first; all hours when asked for."
    )


async def read_health(door: Door, gateway_id: int) -> GatewayHealth | None:
    """Answer how a gateway is."""
    found = await door.fleet.load(gateway_id)
    now = door.process.platform.clock.now()
    return None if found is None else GatewayHealth.of(found, now)


async def read_gaps(
    door: Door,
    start: datetime,
    end: datetime,
    gateway: str | None,
    meter: str | None,
    *,
    everything: bool,
) -> GapLedger:
    """Answer the gap ledger of a gateway, a meter or the whole project."""
    span = gaps.Span(start, end, _uid("gtw", gateway), _uid("mtr", meter))
    async with door.read() as tx:
        rows = await gaps.gap_ledger(tx, door.project.id, span, door.process.platform.clock.now())
    expected, stored = sum(row.expected for row in rows), sum(row.stored for row in rows)
    return GapLedger(
        expected=expected,
        stored=stored,
        missing=expected - stored,
        hours=[
            GapHour(
                gateway_id=strawberry.ID(encode_id("gtw", row.gateway_uid)),
                meter_id=strawberry.ID(encode_id("mtr", row.meter_uid)),
                hour=row.hour,
                expected=row.expected,
                stored=row.stored,
                missing=row.missing,
            )
            for row in rows
            if everything or row.missing
        ],
    )


def _big(number: int | None) -> BigInt | None:
    return None if number is None else BigInt(number)


def _uid(kind: str, text: str | None) -> UUID | None:
    if text is None:
        return None
    uid = outside_uid(kind, text)
    if uid is None:
        raise NotFound(kind=kind)
    return uid
