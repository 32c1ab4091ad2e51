"""What rows of a file may name: a project's meters and where their readings go, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.acquisition.window import Window, read_window
from backend.aggregation.stock import Document
from backend.aggregation.stock_accounts import read_documents
from backend.core.db import ReadSession
from backend.core.ids import encode_id
from backend.service.hand.questions import Seen
from backend.service.hand.registers import HandRegister, decimal_of, hand_registers
from backend.service.stock.documents import StockMeter, stock_meters
from gateway.contract.energy import EnergyType, energy_type


@dataclass(frozen=True, slots=True)
class Target:
    """A meter with a register of its own: where a reading of it goes.

    `device` tells that a gateway reads it; `last_ts`, `last_value` are its newest reading.
    """

    meter_id: int
    uid: UUID
    slug: str
    name: Mapping[str, str]
    energy_code: str
    source: str
    point_id: int
    unit: str
    device: bool
    last_ts: datetime | None
    last_value: float | None

    @property
    def energy(self) -> EnergyType:
        """What it counts."""
        return energy_type(self.energy_code)

    @property
    def last(self) -> Seen | None:
        """Its newest reading."""
        if self.last_ts is None or self.last_value is None:
            return None
        return Seen(self.last_ts, decimal_of(self.last_value))


_TARGETS: Final = """
SELECT m.id AS meter_id, m.uid, m.slug, m.name, m.energy AS energy_code, m.source,
       p.id AS point_id, p.unit, p.device_id IS NOT NULL AS device,
       l.ts AS last_ts, l.value AS last_value
FROM meter m
JOIN point p ON p.project_id = %(project)s AND (p.id = m.point_id
     OR (p.device_id = m.device_id AND p.name = m.register_name))
LEFT JOIN last_value l ON l.project_id = %(project)s AND l.point_id = p.id
WHERE m.project_id = %(project)s AND m.source IN ('register', 'manual')
"""


@dataclass(frozen=True, slots=True)
class Look:
    """A project as rows see it: meters by what people call them, clock, what is stored already."""

    zone: ZoneInfo
    now: datetime
    window: Window
    targets: Mapping[str, Target]
    stocks: Mapping[str, StockMeter]
    hands: Mapping[str, HandRegister]
    documents: Mapping[int, Sequence[Document]]


async def read_look(tx: ReadSession, project_id: int, zone: str, now: datetime) -> Look:
    """Read what rows may name."""
    targets = await tx.fetch_all(_TARGETS, {"project": project_id}, into=Target)
    stocks = await stock_meters(tx, project_id)
    hands = await hand_registers(tx, project_id)
    return Look(
        ZoneInfo(zone),
        now,
        await read_window(tx, now),
        {key: one for one in targets for key in _keys(one.slug, one.name, one.uid)},
        {key: one for one in stocks for key in _keys(one.slug, one.name, one.uid)},
        {key: one for one in hands for key in _keys(one.slug, one.name, one.meter_uid)},
        {one.id: await read_documents(tx, project_id, one.id, one.energy) for one in stocks},
    )


def _keys(slug: str, name: Mapping[str, str], uid: UUID) -> set[str]:
    """Answer what a meter may be called in a file, in small letters."""
    return {one.strip().lower() for one in (slug, encode_id("mtr", uid), *name.values())}
