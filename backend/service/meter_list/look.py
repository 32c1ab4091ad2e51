"""What a project has that its meter list speaks of: meters, devices, documents, places."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.core.db import ReadSession
from backend.core.ids import encode_id
from backend.service.gateways.configuration import checked
from backend.service.gateways.profiles import list_profiles
from backend.service.meter_list.columns import Listed, Places, listed
from backend.service.meter_list.documents import Entry, entries, wiring_of
from backend.service.plant.memberships import Membership, list_memberships


@dataclass(frozen=True, slots=True)
class Document:
    """The newest configuration document of a gateway; `version` 0 where it never had one."""

    version: int = 0
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def devices(self) -> dict[str, Entry]:
        """Its devices by slug."""
        return {str(entry.get("slug")): entry for entry in entries(self.data)}

    @property
    def lines(self) -> frozenset[str]:
        """Names of its lines."""
        found = self.data.get("lines")
        return frozenset(map(str, found)) if isinstance(found, dict) else frozenset()


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway and its newest document."""

    id: int
    uid: UUID
    slug: str
    document: Document = field(default_factory=Document)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device by gateway and slug, with the kind and unit of each of its points."""

    uid: UUID
    born: bool
    points: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Look:
    """Everything a list can name. Meters by outside identity, trees by slug, nodes by slug."""

    meters: Mapping[str, Listed]
    roles: frozenset[str]
    """Meters that have a role (settlement): they stay at level 1."""
    gateways: Mapping[str, KnownGateway]
    devices: Mapping[tuple[str, str], KnownDevice]
    trees: Mapping[str, Mapping[str, UUID]]
    profiles: Mapping[str, str]
    """The project's own device profiles: YAML by `vendor/model`."""


@dataclass(frozen=True, slots=True)
class _Meter:
    id: int
    uid: UUID
    name: dict[str, str]
    energy: str
    level: int
    role: str | None
    asset: str | None
    register_name: str | None
    power_name: str | None
    device: str
    gateway: str


_METERS: Final = """
SELECT m.id, m.uid, m.name, m.energy, m.level, m.role, m.asset, m.register_name, m.power_name,
       d.slug AS device, g.slug AS gateway
FROM meter m
JOIN device d ON d.project_id = %(project)s AND d.id = m.device_id
JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
WHERE m.project_id = %(project)s AND m.source IN ('register', 'gauge')
  AND (m.valid_to IS NULL OR m.valid_to > %(now)s)
ORDER BY g.slug, d.slug, m.register_name, m.slug
"""
_DEVICES: Final = """
SELECT d.id, d.uid, d.slug, g.slug, d.born_at IS NOT NULL FROM device d
JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
WHERE d.project_id = %(project)s
"""
_POINTS: Final = """
SELECT device_id, name, kind, unit FROM point
WHERE project_id = %(project)s AND device_id IS NOT NULL ORDER BY device_id, id
"""
_DOCUMENTS: Final = """
SELECT DISTINCT ON (gateway_id) gateway_id, version, content FROM gateway_config
WHERE project_id = %(project)s ORDER BY gateway_id, version DESC
"""
_NODES: Final = """
SELECT tree, slug, uid FROM node
WHERE project_id = %(project)s AND (valid_to IS NULL OR valid_to > %(now)s) ORDER BY tree, slug
"""


async def read_look(tx: ReadSession, project_id: int, now: datetime) -> Look:
    """Read it in one transaction."""
    about = {"project": project_id, "now": now}
    documents = {
        int(gateway): _document(int(version), str(content))
        for gateway, version, content in await tx.fetch_tuples(_DOCUMENTS, about)
    }
    found = await tx.fetch_all(
        "SELECT id, uid, slug FROM gateway WHERE project_id = %(project)s ORDER BY slug",
        about,
        into=KnownGateway,
    )
    gateways = {one.slug: replace(one, document=documents.get(one.id, Document())) for one in found}
    meters = await tx.fetch_all(_METERS, about, into=_Meter)
    places = _places_of(await list_memberships(tx, project_id), now)
    return Look(
        {encode_id("mtr", one.uid): _listed(one, gateways, places) for one in meters},
        frozenset(encode_id("mtr", one.uid) for one in meters if one.role is not None),
        gateways,
        await _devices(tx, about),
        await _trees(tx, about),
        {row.name: row.text for row in await list_profiles(tx, project_id)},
    )


def _document(version: int, content: str) -> Document:
    data = checked(content).document.data
    return Document(version, data if isinstance(data, dict) else {})


def _listed(
    meter: _Meter,
    gateways: Mapping[str, KnownGateway],
    places: Mapping[int, Mapping[str, Places]],
) -> Listed:
    entry = gateways[meter.gateway].document.devices.get(meter.device, {})
    circuit, register, power = _split(meter.register_name, meter.power_name)
    told: dict[str, object] = {
        "meter": encode_id("mtr", meter.uid),
        "name": meter.name.get("en"),
        "name_zh": meter.name.get("zh-CN"),
        "energy": meter.energy,
        "level": meter.level,
        "asset": meter.asset,
        "gateway": meter.gateway,
        "device": meter.device,
        "circuit": circuit,
        "register": register,
        "power": power,
        "places": places.get(meter.id, {}),
    }
    return listed({**told, **wiring_of(entry)})


def _split(register: str | None, power: str | None) -> tuple[str | None, str | None, str | None]:
    """Take the circuit that both points share out of their names."""
    heads = {name.rpartition("/")[0] for name in (register, power) if name}
    if len(heads) != 1 or heads == {""}:
        return None, register, power
    [circuit] = heads
    bare = [
        None if name is None else name.removeprefix(f"{circuit}/") for name in (register, power)
    ]
    return circuit, bare[0], bare[1]


def _places_of(memberships: list[Membership], now: datetime) -> dict[int, dict[str, Places]]:
    """Answer by meter and tree where it counts now or is about to."""
    found: dict[int, dict[str, dict[str, Membership]]] = {}
    for row in memberships:
        if row.valid_to is None or row.valid_to > now:
            trees = found.setdefault(row.meter_id, {})
            trees.setdefault(row.tree, {}).setdefault(row.node, row)
    return {
        meter: {
            tree: tuple(sorted((slug, row.coefficient.normalize()) for slug, row in nodes.items()))
            for tree, nodes in trees.items()
        }
        for meter, trees in found.items()
    }


async def _devices(
    tx: ReadSession, about: Mapping[str, object]
) -> dict[tuple[str, str], KnownDevice]:
    points: dict[int, dict[str, tuple[str, str]]] = {}
    for device, name, kind, unit in await tx.fetch_tuples(_POINTS, about):
        points.setdefault(int(device), {})[str(name)] = (str(kind), str(unit))
    return {
        (str(gateway), str(slug)): KnownDevice(uid, bool(born), points.get(int(id), {}))
        for id, uid, slug, gateway, born in await tx.fetch_tuples(_DEVICES, about)
    }


async def _trees(tx: ReadSession, about: Mapping[str, object]) -> dict[str, dict[str, UUID]]:
    found: dict[str, dict[str, UUID]] = {
        str(slug): {}
        for (slug,) in await tx.fetch_tuples(
            "SELECT slug FROM tree WHERE project_id = %(project)s ORDER BY position, slug", about
        )
    }
    for tree, slug, uid in await tx.fetch_tuples(_NODES, about):
        found.setdefault(str(tree), {})[str(slug)] = uid
    return found
