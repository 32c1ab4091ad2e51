"""Data quality of a figure: its score, the five shares behind it, and gaps with their causes."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from backend.aggregation.calendar import QUARTER
from backend.application.curves import known_energy
from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.meters import Meter
from backend.application.graphql.scalars import BigInt
from backend.core.errors import NotFound
from backend.service.quality.measured import Found, measured
from backend.service.quality.score import WEIGHTS, Shares, score, total
from backend.service.quality.stretches import Stretch

MOST_GAPS = 200


@strawberry.enum
class QualityAspect(Enum):
    """One of the five shares of the score."""

    COMPLETENESS = "completeness"
    TIMELINESS = "timeliness"
    PLAUSIBLE = "plausible"
    CALIBRATION = "calibration"
    BALANCE = "balance"


@strawberry.enum
class GapKind(Enum):
    """What a quarter hour is instead of standing on readings."""

    MISSING = "missing"
    ESTIMATED = "estimated"
    SUSPECT = "suspect"
    MANUAL = "manual"
    SUBSTITUTED = "substituted"
    PLANNED = "planned"


@strawberry.enum
class GapCause(Enum):
    """Why: what was recorded of that time, else who else was silent."""

    EXCLUDED = "excluded"
    HELD = "held"
    JUDGED = "judged"
    CHANGED = "changed"
    CLOCK = "clock"
    GATEWAY = "gateway"
    DEVICE = "device"
    REGISTER = "register"


@strawberry.type
class QualityShare:
    """`numerator` of `denominator`: seconds, quarter hours, meters or balances."""

    aspect: QualityAspect
    weight: Decimal
    numerator: BigInt
    denominator: BigInt


@strawberry.type
class AccountGap:
    """A stretch of a meter's account that does not simply stand on readings."""

    meter: Meter
    start: datetime
    end: datetime
    kind: GapKind
    cause: GapCause | None


@strawberry.type
class MeterQuality:
    """One meter's score and shares."""

    meter: Meter
    score: Decimal | None
    shares: list[QualityShare]


@strawberry.type
class DataQuality:
    """How far figures of a node or meter can be trusted.

    100 * (0.4 completeness + 0.2 timeliness + 0.2 plausible + 0.1 calibration + 0.1 balance); what
    cannot be told is left out and the other weights are scaled up.
    """

    score: Decimal | None
    shares: list[QualityShare]
    meters: list[MeterQuality]
    gaps: list[AccountGap] = strawberry.field(description="The first 200, in time's order.")
    gap_count: int


@strawberry.type
class ProjectQuality:
    """The part of a project that says what its figures stand on."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def data_quality(
        self, scope: strawberry.ID, energy: str, start: datetime, end: datetime
    ) -> DataQuality:
        """Data quality of a node or meter (`scope`) over [start, end) until now."""
        return await read_quality(self.door, scope, energy, start, end)


async def read_quality(
    door: Door, scope: str, energy: str, start: datetime, end: datetime
) -> DataQuality:
    """Answer the quality of the meters that count for a scope; NotFound for a foreign one."""
    meters = await _meters_of(door, scope, known_energy(energy).code)
    now = door.process.platform.clock.now()
    async with door.read() as tx:
        found = await measured(tx, door.project.id, meters, start, end, now)
    return await _told(door, found)


async def _meters_of(door: Door, scope: str, energy: str) -> list[int]:
    directory = await door.directory()
    uid = outside_uid("mtr", scope)
    meter = None if uid is None else directory.meter_ids.get(uid)
    if meter is not None:
        return [meter] if directory.meters[meter].energy == energy else []
    uid = outside_uid("node", scope)
    node = None if uid is None else directory.node_ids.get(uid)
    if node is None:
        raise NotFound(kind="node")
    terms = directory.terms.get(node, [])
    return list(dict.fromkeys(term.meter_id for term in terms if term.energy == energy))


async def _told(door: Door, found: Found) -> DataQuality:
    meters = (await door.directory()).meters
    whole = total(one.shares for one in found.meters)

    def gap(one: Stretch) -> AccountGap:
        return AccountGap(
            meter=Meter(door=door, row=meters[one.meter_id]),
            start=found.start + one.first * QUARTER,
            end=found.start + one.last * QUARTER,
            kind=GapKind(one.gap.value),
            cause=None if one.cause is None else GapCause(one.cause.value),
        )

    return DataQuality(
        score=score(whole),
        shares=_shares(whole),
        meters=[
            MeterQuality(
                meter=Meter(door=door, row=meters[one.meter_id]),
                score=score(one.shares),
                shares=_shares(one.shares),
            )
            for one in found.meters
        ],
        gaps=[gap(one) for one in found.stretches[:MOST_GAPS]],
        gap_count=len(found.stretches),
    )


def _shares(shares: Shares) -> list[QualityShare]:
    return [
        QualityShare(
            aspect=QualityAspect(aspect.value),
            weight=WEIGHTS[aspect],
            numerator=BigInt(share.numerator),
            denominator=BigInt(share.denominator),
        )
        for aspect, share in shares.items()
    ]
