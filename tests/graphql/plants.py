"""A small plant in the database, with figures a test can compute by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.postgres import NOW, Tenant

POINTS = (("ep_imp", "register", "kWh"), ("p", "gauge", "kW"))


@dataclass(frozen=True, slots=True)
class Thing:
    """A row with its number inside and its identity outside."""

    id: int
    uid: UUID
    text: str


@dataclass(frozen=True, slots=True)
class Plant:
    """Site with workshops a and b and its supply; meter m0 at site and grid, m1 at a, m2 at b."""

    tenant: Tenant
    nodes: dict[str, Thing]
    meters: dict[str, Thing]
    devices: dict[str, Thing]
    gateway: Thing
    points: dict[tuple[str, str], int]


async def make_plant(platform: Platform, tenant: Tenant) -> Plant:
    """Insert the plant; powers are 300 kW at the site, 200 at a, 80 at b, a minute ago."""
    async with platform.database.project(tenant.id) as tx:

        async def insert(prefix: str, table: str, **columns: object) -> Thing:
            uid = new_uuid(NOW)
            names = ", ".join(("project_id", "uid", *columns))
            marks = ", ".join(["%s"] * (len(columns) + 2))
            number = await tx.fetch_value(
                f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id".encode(),
                (tenant.id, uid, *columns.values()),
                into=int,
            )
            assert number is not None
            return Thing(number, uid, encode_id(prefix, uid))

        gateway = await insert(
            "gtw", "gateway", slug="g1", name=Jsonb({"en": "Gateway"}), bus="main"
        )
        await tx.execute(
            "INSERT INTO gateway_state (project_id, gateway_id, online, last_seen_at, born_at)"
            " VALUES (%s, %s, true, %s, %s)",
            (tenant.id, gateway.id, NOW, NOW),
        )
        site = await insert(
            "node", "node", slug="site", kind="site", name=Jsonb({"en": "Site", "zh-CN": "厂区"})
        )
        nodes = {"site": site}
        for slug in ("a", "b"):
            nodes[slug] = await insert(
                "node",
                "node",
                slug=slug,
                kind="workshop",
                name=Jsonb({"en": f"Workshop {slug}"}),
                parent_id=site.id,
            )
        supply = await insert(
            "node",
            "node",
            slug="grid",
            kind="supply",
            name=Jsonb({"en": "Grid"}),
            parent_id=site.id,
            position=9,
        )
        devices: dict[str, Thing] = {}
        meters: dict[str, Thing] = {}
        points: dict[tuple[str, str], int] = {}
        powers = {"m0": 300.0, "m1": 200.0, "m2": 80.0}
        for slug, node in zip(powers, nodes.values(), strict=True):
            device = devices[slug] = await insert(
                "dev",
                "device",
                gateway_id=gateway.id,
                slug=f"d-{slug}",
                profile="test/meter",
                verified=True,
                online=True,
                born_at=NOW,
            )
            meters[slug] = await insert(
                "mtr",
                "meter",
                slug=slug,
                name=Jsonb({"en": f"Meter {slug}"}),
                energy="electricity",
                device_id=device.id,
                register_name="ep_imp",
                power_name="p",
                level=1 if slug == "m0" else 2,
            )
            await tx.execute(
                "INSERT INTO node_meter (project_id, node_id, meter_id) VALUES (%s, %s, %s)",
                (tenant.id, node.id, meters[slug].id),
            )
            if node is site:
                await tx.execute(
                    "INSERT INTO node_meter (project_id, node_id, meter_id) VALUES (%s, %s, %s)",
                    (tenant.id, supply.id, meters[slug].id),
                )
            for name, kind, unit in POINTS:
                number = await tx.fetch_value(
                    "INSERT INTO point (project_id, device_id, name, kind, unit)"
                    " VALUES (%s, %s, %s, %s, %s) RETURNING id",
                    (tenant.id, device.id, name, kind, unit),
                    into=int,
                )
                assert number is not None
                points[slug, name] = number
    async with platform.database.ingest() as ingest:
        for (slug, name), number in points.items():
            value = powers[slug] if name == "p" else 1000.0 + number
            await ingest.execute(
                "INSERT INTO last_value (project_id, point_id, ts, value, quality)"
                " VALUES (%s, %s, %s, %s, 0)",
                (tenant.id, number, NOW - timedelta(minutes=1), value),
            )
    nodes["grid"] = supply
    return Plant(tenant, nodes, meters, devices, gateway, points)


async def read(
    platform: Platform, plant: Plant, slug: str, rows: Sequence[tuple[datetime, float]]
) -> None:
    """Store readings of a meter's register with their dirty range, as ingest does."""
    project, point = plant.tenant.id, plant.points[slug, "ep_imp"]
    times, values = [row[0] for row in rows], [row[1] for row in rows]
    async with platform.database.ingest() as ingest:
        await ingest.execute(
            "INSERT INTO reading (project_id, point_id, ts, value, quality)"
            " SELECT %s, %s, t, v, 0 FROM unnest(%s::timestamptz[], %s::float8[]) AS u (t, v)",
            (project, point, times, values),
        )
        await ingest.execute(
            "INSERT INTO dirty (project_id, point_id, first_ts, last_ts) VALUES (%s, %s, %s, %s)",
            (project, point, times[0], times[-1]),
        )
