"""The plant's calendar: what nodes do when, shifts, where periods begin, what is compared."""

from datetime import date, datetime

import strawberry

from backend.aggregation import comparison
from backend.aggregation.calendar import DAY, PlantTime, plant_time
from backend.aggregation.comparison import comparable
from backend.aggregation.operating import IDLE, resolve
from backend.aggregation.plant_states import chain_of, read_entries, read_parents, read_rules
from backend.aggregation.regroup import waiting
from backend.aggregation.shift_rows import shift_node
from backend.aggregation.shifts import ready_made
from backend.aggregation.statutory import CALENDARS, spring_festivals, statutory
from backend.application.curves import Period
from backend.application.graphql.calendar_types import (
    Align,
    CalendarDay,
    CalendarSettings,
    ComparedSpans,
    Comparison,
    OperatingState,
    ReadyPattern,
    ShiftPattern,
    ShiftPeriod,
    ShiftRule,
    StateStretch,
    StatutoryCalendar,
)
from backend.application.graphql.context import Door, KwInfo, outside_uid
from backend.application.graphql.naming import Name
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.calendar import effects, patterns, settings, states

MOST_DAYS = 400
MOST_SHIFTS = 5000


@strawberry.type
class PlantCalendar:
    """A project's calendar."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def settings(self) -> CalendarSettings:
        async with self.door.read() as tx:
            return await read_settings(self.door, tx)

    @strawberry.field
    def statutory(self) -> list[StatutoryCalendar]:
        """Statutory calendars that a project may choose."""
        return [StatutoryCalendar.of(statutory(code)) for code in CALENDARS]

    @strawberry.field
    def ready_patterns(self) -> list[ReadyPattern]:
        """Shift patterns that ship."""
        return [
            ReadyPattern(code=code, name=Name.of(dict(name)), rule=ShiftRule.of(pattern))
            for code, (name, pattern) in ready_made().items()
        ]

    @strawberry.field
    async def days(self, node: strawberry.ID, first: date, last: date) -> list[CalendarDay]:
        """What a node does on the business days from `first` to `last`, both in it."""
        number = await node_number(self.door, node)
        if not effects.known_day(first, "first") <= effects.known_day(last, "last"):
            raise InvalidInput("state_days", first=str(first), last=str(last), most=MOST_DAYS)
        if (last - first).days >= MOST_DAYS:
            raise InvalidInput("state_days", first=str(first), last=str(last), most=MOST_DAYS)
        async with self.door.read() as tx:
            return await _days(tx, self.door, number, first, last)

    @strawberry.field
    async def states(
        self, scope: strawberry.ID, start: datetime, end: datetime
    ) -> list[OperatingState]:
        """States entered for a node or those above it that overlap [start, end).

        Of a meter: for the nodes that count it. They are the reasons of a figure of that span.
        """
        door, project = self.door, self.door.project.id
        directory = await door.directory()
        async with door.read() as tx:
            parents = await read_parents(tx, project)
            counting = await _nodes_of(tx, door, scope)
            chain = sorted({one for node in counting for one in chain_of(parents, node)})
            found = await states.overlapping(tx, project, chain, start, end)
        return [
            OperatingState.of(row, encode_id("node", directory.nodes[row.node_id].uid))
            for row in found
            if row.node_id in directory.nodes
        ]

    @strawberry.field
    async def patterns(self, node: strawberry.ID) -> list[ShiftPattern]:
        """Shift patterns of a node's own, oldest first; without one it works by the node above."""
        number = await node_number(self.door, node)
        async with self.door.read() as tx:
            found = await patterns.of_node(tx, self.door.project.id, number)
        return [ShiftPattern.of(row, node) for row in found]

    @strawberry.field
    async def shifts(
        self, node: strawberry.ID, start: datetime, end: datetime
    ) -> list[ShiftPeriod]:
        """Shifts that a node works by, its own or those above it, that overlap [start, end)."""
        number = await node_number(self.door, node)
        project = self.door.project.id
        async with self.door.read() as tx:
            chain = chain_of(await read_parents(tx, project), number)
            return await tx.fetch_all(
                "SELECT start_ts AS start, end_ts AS end, shift, team, day FROM shift_period"
                " WHERE project_id = %s AND node_id = %s AND start_ts < %s AND end_ts > %s"
                " ORDER BY start_ts LIMIT %s",
                (project, await shift_node(tx, project, chain), end, start, MOST_SHIFTS),
                into=ShiftPeriod,
            )

    @strawberry.field
    async def compared(
        self,
        info: KwInfo,
        period: Period,
        kind: Comparison,
        at: datetime | None = None,
        align: Align = Align.DATE,
        to_date: bool = True,
        node: strawberry.ID | None = None,
    ) -> ComparedSpans | None:
        """The period that holds `at` (now by default) and the span to compare it with.

        One that still runs is compared to date. DAY_TYPE asks which days `node` works. Null where
        there is nothing to compare with.
        """
        now = info.context.process.platform.clock.now()
        moment = at or now
        plant = plant_of(self.door)
        worked = None
        if align is Align.DAY_TYPE:
            if node is None:
                raise InvalidInput("compare_node")
            number = await node_number(self.door, node)
            async with self.door.read() as tx:
                worked = await _worked(tx, self.door, plant, number, moment)
        found = comparable(
            plant,
            period.stored,
            moment,
            comparison.Comparison[kind.value],
            align=comparison.Align[align.value],
            to_date=now if to_date else None,
            worked=worked,
        )
        return None if found is None else ComparedSpans.of(found)


async def node_number(door: Door, node: str) -> int:
    """Answer the number of a node; NotFound for an identity that is none of this project."""
    uid = outside_uid("node", node)
    number = None if uid is None else (await door.directory()).node_ids.get(uid)
    if number is None:
        raise NotFound(kind="node")
    return number


def plant_of(door: Door) -> PlantTime:
    """Answer the time of an open project."""
    one = door.project
    return plant_time(
        one.zone, one.day_start_minute, one.week_start, one.month_start_day, one.year_start_month
    )


async def read_settings(door: Door, tx: ReadSession) -> CalendarSettings:
    """Answer a project's calendar and how much of the past is still summed anew."""
    found = await settings.read(tx, door.project.id)
    left = await waiting(tx, door.project.id)
    return CalendarSettings.of(found, left.total_seconds())


async def _nodes_of(tx: ReadSession, door: Door, scope: str) -> list[int]:
    """Answer the node, or the nodes that count the meter, of an outside identity; NotFound."""
    directory = await door.directory()
    node, meter = outside_uid("node", scope), outside_uid("mtr", scope)
    if node is not None and node in directory.node_ids:
        return [directory.node_ids[node]]
    if meter is None or meter not in directory.meter_ids:
        raise NotFound(kind="scope")
    rows = await tx.fetch_tuples(
        "SELECT node_id FROM node_meter WHERE project_id = %s AND meter_id = %s",
        (door.project.id, directory.meter_ids[meter]),
    )
    return [row[0] for row in rows]


async def _days(
    tx: ReadSession, door: Door, node: int, first: date, last: date
) -> list[CalendarDay]:
    plant, project = plant_of(door), door.project.id
    chain = chain_of(await read_parents(tx, project), node)
    rules = await read_rules(tx, project)
    span = plant.start_of(first), plant.start_of(last + DAY)
    entries = await read_entries(tx, project, *span, chain)
    stretches = resolve(plant, chain, entries, rules, first, last + DAY)
    festivals = set(spring_festivals().values())
    found = []
    for offset in range((last - first).days + 1):
        day = first + offset * DAY
        start, end = plant.start_of(day), plant.start_of(day + DAY)
        name = None if rules.statutory is None else rules.statutory.rest.get(day)
        found.append(
            CalendarDay(
                day=day,
                start=start,
                end=end,
                stretches=[StateStretch.of(s) for s in stretches if start <= s.start < end],
                holiday=None if name is None else Name.of(dict(name)),
                spring_festival=day in festivals,
            )
        )
    return found


async def _worked(
    tx: ReadSession, door: Door, plant: PlantTime, node: int, at: datetime
) -> comparison.Worked:
    """Answer which days a node works: those whose state at their beginning is not idle."""
    project = door.project.id
    chain = chain_of(await read_parents(tx, project), node)
    rules = await read_rules(tx, project)
    entries = await read_entries(tx, project, at - 420 * DAY, at + 2 * DAY, chain)
    whole = [entry for entry in entries if entry.whole_days]

    def worked(day: date) -> bool:
        return resolve(plant, chain, whole, rules, day, day + DAY)[0].state not in IDLE

    return worked
