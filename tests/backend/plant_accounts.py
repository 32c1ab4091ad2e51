"""A small plant for tests of accounts: meters on registers, nodes over meters, readings as ingest
stores them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from psycopg.types.json import Jsonb

from backend.aggregation.accounts import Done, account
from backend.aggregation.stale import mark_again
from backend.aggregation.virtual import check_expression
from backend.core.db import Database
from backend.core.ids import new_uuid
from gateway.contract.energy import energy_type
from tests.postgres import NOW, Tenant

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Metered:
    """A meter and the register it is read from."""

    id: int
    point: int


@dataclass
class Plant:
    """The plant of one project."""

    database: Database
    tenant: Tenant
    count: int = 0
    made: list[Metered] = field(default_factory=list)

    @property
    def project(self) -> int:
        return self.tenant.id

    async def one(self, sql: str, *params: object) -> int:
        """The id that an INSERT ... RETURNING id answers."""
        async with self.database.project(self.project) as tx:
            number = await tx.fetch_value(sql.encode(), (self.project, *params), into=int)
        assert number is not None
        return number

    async def meter(
        self,
        energy: str = "electricity",
        *,
        resolution: float | None = 0.1,
        modulus: float | None = None,
        nameplate: int | None = None,
        max_gap_s: int = 900,
    ) -> Metered:
        """A device with one register and a meter on it."""
        self.count += 1
        device = await self.one(
            "INSERT INTO device (project_id, uid, gateway_id, slug, verified, online)"
            " VALUES (%s, %s, 1, %s, true, true) RETURNING id",
            new_uuid(NOW),
            f"d{self.count}",
        )
        point = await self.one(
            "INSERT INTO point (project_id, device_id, name, kind, unit, modulus, resolution,"
            " max_gap_s) VALUES (%s, %s, 'ep_imp', 'register', %s, %s, %s, %s) RETURNING id",
            device,
            energy_type(energy).unit.code,
            modulus,
            resolution,
            max_gap_s,
        )
        meter = await self.one(
            "INSERT INTO meter (project_id, uid, slug, name, energy, device_id, register_name,"
            " nameplate_per_hour, level) VALUES (%s, %s, %s, '{}', %s, %s, 'ep_imp', %s, 3)"
            " RETURNING id",
            new_uuid(NOW),
            f"m{self.count}",
            energy,
            device,
            nameplate,
        )
        self.made.append(Metered(meter, point))
        return self.made[-1]

    async def virtual(self, slug: str, expression: str, energy: str = "electricity") -> Metered:
        """A virtual meter made, or given another expression, as people do it."""
        async with self.database.project(self.project) as tx:
            await check_expression(tx, self.project, slug, energy_type(energy), expression)
            meter = await tx.fetch_value(
                "INSERT INTO meter AS m (project_id, uid, slug, name, energy, source, expression,"
                " level) VALUES (%s, %s, %s, '{}', %s, 'virtual', %s, 3)"
                " ON CONFLICT (project_id, slug) DO UPDATE SET expression = excluded.expression"
                " RETURNING id",
                (self.project, new_uuid(NOW), slug, energy, expression),
                into=int,
            )
            assert meter is not None
            await mark_again(tx, self.project, 1, [meter], None, NOW)
        return Metered(meter, 0)

    async def node(self, meters: Mapping[Metered, int | Decimal], parent: int | None = None) -> int:
        """A node that counts meters with coefficients."""
        self.count += 1
        node = await self.one(
            "INSERT INTO node (project_id, uid, slug, parent_id, kind, name)"
            " VALUES (%s, %s, %s, %s, 'workshop', %s) RETURNING id",
            new_uuid(NOW),
            f"n{self.count}",
            parent,
            Jsonb({"en": f"n{self.count}"}),
        )
        async with self.database.project(self.project) as tx:
            for meter, coefficient in meters.items():
                await tx.execute(
                    "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)"
                    " VALUES (%s, %s, %s, %s)",
                    (self.project, node, meter.id, coefficient),
                )
        return node

    async def member(
        self,
        node: int,
        meter: Metered,
        coefficient: str,
        first: datetime,
        last: datetime | None = None,
    ) -> None:
        """A membership that holds in [first, last)."""
        async with self.database.project(self.project) as tx:
            await tx.execute(
                "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient, valid_from,"
                " valid_to) VALUES (%s, %s, %s, %s, %s, %s)",
                (self.project, node, meter.id, Decimal(coefficient), first, last),
            )

    async def shifts(self, node: int, edges: Sequence[datetime]) -> None:
        """Shifts of a node that follow each other."""
        async with self.database.project(self.project) as tx:
            for i, (start, end) in enumerate(pairwise(edges)):
                await tx.execute(
                    "INSERT INTO shift_period (project_id, node_id, start_ts, end_ts, shift, team)"
                    " VALUES (%s, %s, %s, %s, %s, 'a')",
                    (self.project, node, start, end, f"s{i % 3}"),
                )

    async def store(
        self, meter: Metered, rows: Sequence[tuple[datetime, float]], quality: int = 0
    ) -> None:
        """Readings and their dirty range in one transaction, as ingest writes them."""
        async with self.database.ingest() as tx:
            await tx.execute(
                "INSERT INTO reading (project_id, point_id, ts, value, quality)"
                " SELECT %s, %s, t, v, %s FROM unnest(%s::timestamptz[], %s::float8[]) AS u (t, v)"
                " ON CONFLICT DO NOTHING",
                (
                    self.project,
                    meter.point,
                    quality,
                    [row[0] for row in rows],
                    [row[1] for row in rows],
                ),
            )
            await tx.execute(
                "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
                " VALUES (%s, %s, %s, %s)",
                (self.project, meter.point, min(r[0] for r in rows), max(r[0] for r in rows)),
            )
            await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(self.project),))

    async def delete(self, meter: Metered, first: datetime, last: datetime) -> None:
        """Delete wrong readings, as an approved correction does."""
        async with self.database.project(self.project) as tx:
            await tx.execute(
                "DELETE FROM reading WHERE project_id = %s AND point_id = %s"
                " AND ts BETWEEN %s AND %s",
                (self.project, meter.point, first, last),
            )
            await self.touch(meter, first, last)

    async def touch(self, meter: Metered, first: datetime, last: datetime) -> None:
        """Make a range dirty."""
        async with self.database.project(self.project) as tx:
            await tx.execute(
                "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
                " VALUES (%s, %s, %s, %s)",
                (self.project, meter.point, first, last),
            )

    async def work(self, span: timedelta = 31 * DAY) -> Done:
        """One accounting transaction."""
        async with self.database.project(self.project) as tx:
            return await account(tx, self.project, NOW, span)

    async def settle(self, span: timedelta = 31 * DAY) -> int:
        """Account until nothing is dirty; answers how many transactions that took."""
        count = 0
        while (await self.work(span)).rows:
            count += 1
        return count

    async def accounts(
        self, scope: int, scope_id: int, period: int, energy: str = "electricity"
    ) -> list[tuple[datetime, int, int, int]]:
        """(start, qty, estimated, quality) in time's order."""
        async with self.database.read(self.project) as tx:
            rows = await tx.fetch_tuples(
                "SELECT start_ts, qty, estimated_qty, quality FROM account WHERE project_id = %s"
                " AND scope = %s AND scope_id = %s AND period = %s AND energy = %s"
                " ORDER BY start_ts",
                (self.project, scope, scope_id, period, energy),
            )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def coverage(
        self, scope: int, scope_id: int, period: int, energy: str = "electricity"
    ) -> list[tuple[int, int, int]]:
        """(qty, measured seconds, expected seconds) in time's order."""
        async with self.database.read(self.project) as tx:
            rows = await tx.fetch_tuples(
                "SELECT qty, measured_s, expected_s FROM account WHERE project_id = %s"
                " AND scope = %s AND scope_id = %s AND period = %s AND energy = %s"
                " ORDER BY start_ts",
                (self.project, scope, scope_id, period, energy),
            )
        return [(row[0], row[1], row[2]) for row in rows]

    async def values(
        self, scope: int, scope_id: int, period: int, start: datetime
    ) -> tuple[int, Decimal | None, Decimal | None, Decimal | None]:
        """(qty, kgce, kgco2, cost) of one account."""
        async with self.database.read(self.project) as tx:
            rows = await tx.fetch_tuples(
                "SELECT qty, kgce, kgco2, cost FROM account WHERE project_id = %s AND scope = %s"
                " AND scope_id = %s AND period = %s AND start_ts = %s",
                (self.project, scope, scope_id, period, start),
            )
        assert len(rows) == 1
        return rows[0][0], rows[0][1], rows[0][2], rows[0][3]

    async def tariff(self, rules: Mapping[str, object], valid_from: datetime) -> int:
        """A tariff of electricity."""
        return await self.one(
            "INSERT INTO tariff (project_id, energy, name, rules, valid_from, source)"
            " VALUES (%s, 'electricity', '{}', %s, %s, 'test') RETURNING id",
            Jsonb(dict(rules)),
            valid_from,
        )

    async def factor(
        self, substance: str, value: str, valid_from: datetime, basis: str = "calorific"
    ) -> None:
        """A factor of electricity."""
        await self.one(
            "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)"
            " VALUES (%s, 'electricity', %s, %s, %s, %s, 'test') RETURNING id",
            substance,
            Decimal(value),
            basis,
            valid_from,
        )


def every(
    start: datetime, step: timedelta, values: Iterable[float]
) -> list[tuple[datetime, float]]:
    """Readings at a fixed step."""
    return [(start + i * step, value) for i, value in enumerate(values)]


async def sums_agree(plant: Plant, scope: int, scope_id: int) -> None:
    """Every level is the sum of the level below, bucket by bucket."""
    async with plant.database.read(plant.project) as tx:
        for period in (2, 3, 4, 5):
            below = await plant.accounts(scope, scope_id, period - 1)
            rows = await tx.fetch_tuples(
                "SELECT start_ts, end_ts, qty, estimated_qty FROM account WHERE project_id = %s"
                " AND scope = %s AND scope_id = %s AND period = %s",
                (plant.project, scope, scope_id, period),
            )
            assert sum(row[2] for row in rows) == sum(row[1] for row in below)
            for start, end, qty, estimated in rows:
                inside = [row for row in below if start <= row[0] < end]
                assert (qty, estimated) == (sum(r[1] for r in inside), sum(r[2] for r in inside))
