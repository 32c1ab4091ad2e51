"""The first screen: figures of one moment of the database, powers of the newest values.

`build_summary` is the only place that makes it. All figures come from one read transaction with one
snapshot, so that they cross-foot: the month is the sum of its days, today is one of them.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import strawberry

from backend.aggregation.calendar import QUARTER, quarter_of
from backend.aggregation.calendar import Period as Stored
from backend.aggregation.figures import Sum, Today, main_energy, sums, with_share
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Span, curve
from backend.application.directory import Directory
from backend.application.graphql.accounting import Accounting, accounting_behind
from backend.application.graphql.context import Door, KwInfo, enter_project
from backend.application.graphql.demands import Demand, read_demand
from backend.application.graphql.enums import Measure
from backend.application.graphql.figures import Figures
from backend.application.graphql.imports import ImportProgress, newest_import
from backend.application.graphql.plant import Node
from backend.application.graphql.series import Series
from backend.application.graphql.sources import Keep, Stream
from backend.application.live_cache import LiveView
from backend.application.powers import Power, node_power, top_powers
from backend.core.db import ReadSession
from backend.core.errors import NotFound
from backend.service.alarms import store
from backend.service.plant.rows import NodeRow
from gateway.contract.energy import energy_types

SUMMARY_INTERVAL_S = 1.0
TOP = 5


@strawberry.type
class TopConsumer:
    """Power of one of the site's children, and its share of the site's."""

    node: Node
    power_kw: float
    share: float


@strawberry.type
class Summary:
    """The first screen."""

    at: datetime
    node: Node
    today: Figures = strawberry.field(
        description="The main energy (electricity) so far today, and yesterday to the same time."
    )
    yesterday: Figures
    month: Figures
    energies: list[Figures] = strawberry.field(
        description="All energies of the site so far today; MISSING where today has none yet."
    )
    total_kgce: Decimal | None = strawberry.field(
        description="Totals of all energies today; null where no energy has a factor."
    )
    total_kgco2: Decimal | None
    total_cost: Decimal | None
    today_series: Series
    yesterday_series: Series
    month_series: Series
    power_kw: float | None = strawberry.field(
        description="Power of the site now in kW; null unless all its meters are fresh."
    )
    power_at: datetime | None
    demand: Demand | None
    top: list[TopConsumer] = strawberry.field(
        description="Power of the site's consumers, greatest first."
    )
    open_alarms: int
    import_progress: ImportProgress | None
    accounting: Accounting | None = strawberry.field(
        description="What waits to be accounted; null unless it has waited for some seconds."
    )
    meters_live: int = strawberry.field(
        description="Metering points with a live value younger than their limit, of all."
    )
    meters_total: int


MICROSECOND = timedelta(microseconds=1)


async def build_summary(door: Door) -> Summary:
    """Build the first screen; NotFound while the project has no site."""
    now = door.process.platform.clock.now()
    live, directory = await door.live(), await door.directory()
    site = directory.site
    if site is None:
        raise NotFound(kind="site")
    async with door.read() as tx:
        used = {term.energy for term in directory.terms.get(site.id, [])}
        part = _Reading(tx, door, site, used, door.today(now), now)
        today, yesterday, month, all_today = await part.sums()
        curves = await part.curves()
        demand = await read_demand(tx, door)
        open_alarms = await store.count_open(tx, door.project.id)
        progress = await newest_import(tx, door.project.id, unfinished=True)
        accounting = await accounting_behind(tx, door.project.id)
    power = node_power(live, directory, site)
    return Summary(
        at=now,
        node=Node(door=door, row=site),
        today=today,
        yesterday=yesterday,
        month=month,
        energies=all_today,
        total_kgce=_total([one.kgce for one in all_today]),
        total_kgco2=_total([one.kgco2 for one in all_today]),
        total_cost=_total([one.cost for one in all_today]),
        today_series=curves[0],
        yesterday_series=curves[1],
        month_series=curves[2],
        power_kw=power.kw if power else None,
        power_at=power.at if power else None,
        demand=demand,
        top=_top(door, live, directory, site, power),
        open_alarms=open_alarms,
        import_progress=progress,
        accounting=accounting,
        meters_live=sum(
            live.fresh(directory.point(meter, meter.register_name)) is not None
            for meter in directory.meters.values()
        ),
        meters_total=sum(one.device_id is not None for one in directory.meters.values()),
    )


class _Reading:
    """What one transaction reads of the site's accounts."""

    def __init__(
        self,
        tx: ReadSession,
        door: Door,
        site: NodeRow,
        used: set[str],
        today: Today,
        now: datetime,
    ) -> None:
        self._tx = tx
        self._door = door
        self._site = site
        self._used = used
        self._today = today
        self._now = now
        self._main = main_energy()

    async def sums(self) -> tuple[Figures, Figures, Figures, list[Figures]]:
        """Answer today, yesterday to the same time, the month, and all energies of today."""
        today, now, main = self._today, self._now, self._main.code
        same_time = today.yesterday + (now - today.day)
        all_today = await self._sums(Stored.DAY, today.day, today.day_end)
        before = await self._before(today.yesterday, same_time)
        month = await self._sums(Stored.DAY, today.month, today.month_end, main)
        ordered = [code for code in energy_types() if code in self._used | all_today.keys()]
        return (
            Figures.of(main, today.day, now, all_today.get(main)),
            Figures.of(main, today.yesterday, same_time, before),
            Figures.of(main, today.month, now, month.get(main)),
            [Figures.of(code, today.day, now, all_today.get(code)) for code in ordered],
        )

    async def _before(self, start: datetime, end: datetime) -> Sum | None:
        """Answer the main energy from `start` to exactly `end`, inside a quarter hour too."""
        main, running = self._main.code, quarter_of(end)
        whole = await self._sums(Stored.QUARTER_HOUR, start, running, main)
        if end == running:
            return whole.get(main)
        last = await self._sums(Stored.QUARTER_HOUR, running, running + QUARTER, main)
        share = Fraction((end - running) // MICROSECOND, QUARTER // MICROSECOND)
        return with_share(whole.get(main), last.get(main), share)

    async def curves(self) -> tuple[Series, Series, Series]:
        """Answer the curves of today, yesterday and the month's days."""
        today = self._today
        return (
            await self._curve(Stored.QUARTER_HOUR, today.day, self._now),
            await self._curve(Stored.QUARTER_HOUR, today.yesterday, today.day),
            await self._curve(Stored.DAY, today.month, today.month_end),
        )

    async def _sums(
        self, period: Stored, start: datetime, end: datetime, energy: str | None = None
    ) -> dict[str, Sum]:
        found = await sums(
            self._tx,
            self._door.project.id,
            Scope.NODE,
            [self._site.id],
            period,
            start,
            end,
            energy,
        )
        return {row.energy: row for row in found}

    async def _curve(self, period: Stored, start: datetime, end: datetime) -> Series:
        span = Span(Scope.NODE, self._site.id, self._main, Measure.QUANTITY, period, start, end)
        found = await curve(self._tx, self._door.project.id, span, self._now)
        return Series.of(found, self._main.unit.code)


def _total(parts: list[Decimal | None]) -> Decimal | None:
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if known else None


def _top(
    door: Door, live: LiveView, directory: Directory, site: NodeRow, whole: Power | None
) -> list[TopConsumer]:
    return [
        TopConsumer(
            node=Node(door=door, row=row),
            power_kw=power.kw,
            share=power.kw / whole.kw if whole is not None and whole.kw > 0 else 0.0,
        )
        for row, power in top_powers(live, directory, site)[:TOP]
    ]


class SummarySource:
    """The first screen whenever something on it changed."""

    interval_s = SUMMARY_INTERVAL_S
    keep = Keep.LATEST

    def __init__(self, door: Door, live: LiveView) -> None:
        """Listen to newest values and to events of accounts, alarms and imports."""
        self.scope = ("summary", *door.scope)
        self._door = door
        self._listener = live.listen()
        self._watch = door.process.news.watch(
            door.project.id, "account", "alarm", "import", "model"
        )
        # Both ring one bell, so that waiting is one wait.
        self._watch.bell = self._listener.bell

    async def wait(self) -> None:
        """Return when something on the first screen may have changed."""
        await self._listener.bell.wait()

    async def full(self) -> list[Summary]:
        """Answer the first screen as it is now."""
        return [await build_summary(self._door.renewed())]

    async def changes(self) -> list[Summary]:
        """Answer the first screen as it is now."""
        self._listener.take()
        self._watch.take()
        return await self.full()

    def close(self) -> None:
        """Nothing to let go: listener and watch end with their last holder."""


@strawberry.type
class SummarySubscription:
    """The first screen, pushed."""

    @strawberry.subscription
    async def summary(self, info: KwInfo, project: strawberry.ID) -> AsyncIterator[Summary]:
        """The first screen whenever accounts, live power or alarms changed.

        At most 1 a second.
        """
        door = await enter_project(info.context, project)
        return Stream(SummarySource(door, await door.live()))
