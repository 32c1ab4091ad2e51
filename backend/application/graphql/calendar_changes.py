"""Setting the plant's calendar: states, shift patterns, where periods begin."""

from dataclasses import replace
from datetime import date, datetime

import strawberry

from backend.aggregation.shifts import ready_made
from backend.application.graphql.calendar import node_number, read_settings
from backend.application.graphql.calendar_types import (
    CalendarInput,
    CalendarSettings,
    OperatingState,
    ShiftPattern,
    ShiftRuleInput,
    StateInput,
)
from backend.application.graphql.context import Door, KwInfo, asker_of, enter_project, outside_uid
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.calendar import effects, patterns, settings, states
from backend.service.people.roles import Permission


@strawberry.type
class CalendarMutation:
    """Setting the plant's calendar."""

    @strawberry.mutation
    async def enter_state(
        self, info: KwInfo, project: strawberry.ID, node: strawberry.ID, state: StateInput
    ) -> OperatingState:
        """Enter what a node does in a span; it goes before the nodes above and before the rules."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        number = await node_number(door, node)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            row = await states.enter(change, wanted_of(number, state), asker_of(caller))
        return OperatingState.of(row, node)

    @strawberry.mutation
    async def change_state(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID, state: StateInput
    ) -> OperatingState:
        """Change a state that was entered; its node stays."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        uid = outside_uid("opst", id)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            node = (await states.find(tx, door.project.id, uid)).node_id
            row = await states.alter(change, uid, wanted_of(node, state), asker_of(caller))
        return OperatingState.of(row, await node_text(door, row.node_id))

    @strawberry.mutation
    async def remove_state(self, info: KwInfo, project: strawberry.ID, id: strawberry.ID) -> bool:
        """Take a state back, as if it had never been entered."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            await states.remove(change, outside_uid("opst", id), asker_of(caller))
        return True

    @strawberry.mutation
    async def put_shift_pattern(
        self,
        info: KwInfo,
        project: strawberry.ID,
        node: strawberry.ID,
        name: str,
        rule: ShiftRuleInput,
        valid_from: date,
    ) -> ShiftPattern:
        """Have a node work by a pattern from a day on, until the next one it has already."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        number = await node_number(door, node)
        names = {"en": name, "zh-CN": name}
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            row = await patterns.put(
                change, number, names, rule.document(), valid_from, asker_of(caller)
            )
        return ShiftPattern.of(row, node)

    @strawberry.mutation
    async def use_ready_pattern(
        self,
        info: KwInfo,
        project: strawberry.ID,
        node: strawberry.ID,
        code: str,
        valid_from: date,
        anchor: date | None = None,
    ) -> ShiftPattern:
        """Have a node work by a pattern that ships; its cycle begins on `anchor` if named."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        number = await node_number(door, node)
        found = ready_made().get(code)
        if found is None:
            raise InvalidInput("pattern_unknown", pattern=code[:40])
        name, pattern = found
        document = patterns.document_of(pattern, anchor)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            row = await patterns.put(change, number, name, document, valid_from, asker_of(caller))
        return ShiftPattern.of(row, node)

    @strawberry.mutation
    async def end_shift_pattern(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID, valid_to: date
    ) -> ShiftPattern:
        """End a pattern before a day; from then on the node works by the one above it."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            row = await patterns.end(change, outside_uid("shpt", id), valid_to, asker_of(caller))
        return ShiftPattern.of(row, await node_text(door, row.node_id))

    @strawberry.mutation
    async def remove_shift_pattern(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID
    ) -> bool:
        """Take a pattern back, as if it had never been."""
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            await patterns.remove(change, outside_uid("shpt", id), asker_of(caller))
        return True

    @strawberry.mutation
    async def change_calendar(
        self, info: KwInfo, project: strawberry.ID, calendar: CalendarInput
    ) -> CalendarSettings:
        """Move where days, weeks, months and years begin; the past is summed anew by them.

        No quantity changes, only what a period holds; until `regroupingS` is 0 some have no figure.
        """
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            before = await settings.read(tx, door.project.id)
            wanted = merged(before, calendar)
            await settings.change_settings(change, wanted, asker_of(caller))
            return await read_settings(door, tx)


def merged(before: settings.Settings, wanted: CalendarInput) -> settings.Settings:
    """Answer a calendar with what somebody wants changed."""
    given = {
        name: value
        for name in ("day_start_minute", "week_start", "month_start_day", "year_start_month")
        if (value := getattr(wanted, name)) is not None
    }
    named = before.calendar if wanted.calendar is None else wanted.calendar or None
    rest = before.rest_weekdays if wanted.rest_weekdays is None else wanted.rest_weekdays
    return replace(before, **given, calendar=named, rest_weekdays=rest)


def wanted_of(node: int, state: StateInput) -> states.Wanted:
    """Answer a state as services name it."""
    span = states.Span(state.first_day, state.last_day, state.start, state.end)
    return states.Wanted(node, state.state.stored, span, state.de_energised, state.note)


async def enter_planning(info: KwInfo, project: str) -> Door:
    """Open a project to somebody who may plan in it."""
    door = await enter_project(info.context, project)
    door.require(Permission.PLAN)
    return door


def clock_of(door: Door) -> datetime:
    """Answer the platform's now."""
    return door.process.platform.clock.now()


async def node_text(door: Door, number: int) -> str:
    """Answer the outside identity of a node."""
    return encode_id("node", (await door.directory()).nodes[number].uid)
