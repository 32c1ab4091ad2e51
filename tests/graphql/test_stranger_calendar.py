"""The stranger (cases.md 23) against the calendar: states, shift patterns, settings, imports."""

from datetime import date

import msgspec

from backend.aggregation.operating import State
from backend.aggregation.shifts import ready_made
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.calendar import effects, patterns, states
from backend.service.calendar.states import Span, Wanted
from backend.service.people.asker import Asker
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor

SPAN = 'start: "2026-03-15T00:00:00Z", end: "2026-03-16T00:00:00Z"'
DAYS = 'first: "2026-03-15", last: "2026-03-15"'
STATE = 'state: {state: STOP, firstDay: "2026-03-15", lastDay: "2026-03-15"}'
RULE = (
    'rule: {slots: [{name: "day", start: "08:00", end: "16:00"}],'
    ' cycle: [[{slot: "day", team: "A"}]], anchor: "2026-01-01"}'
)
FILE = 'file: "QkVHSU46VkNBTEVOREFS", dryRun: false'


def below(inside: str) -> list[str]:
    """A question below Alice's project, and with her things below the stranger's own."""
    return [
        f'{{ project(id: "{one}") {{ calendar {{ {inside} }} }} }}'
        for one in ("%(project)s", "%(own)s")
    ]


def change(text: str) -> list[str]:
    """A mutation of Alice's project, and with her things of the stranger's own."""
    return [f"mutation {{ {text.replace('PROJECT', one)} }}" for one in ("%(project)s", "%(own)s")]


QUESTIONS: dict[str, list[str]] = {
    "Project.calendar": [
        *below(f'days(node: "%(node)s", {DAYS}) {{ day }}'),
        *below(f'states(scope: "%(node)s", {SPAN}) {{ id }}'),
        *below(f'states(scope: "%(meter)s", {SPAN}) {{ id }}'),
        *below('patterns(node: "%(node)s") { id }'),
        *below(f'shifts(node: "%(node)s", {SPAN}) {{ shift }}'),
        *below('compared(period: DAY, kind: MOM, align: DAY_TYPE, node: "%(node)s") { start }'),
        '{ project(id: "%(project)s") { calendar { settings { weekStart } } } }',
    ],
    "Mutation.enterState": change(
        f'enterState(project: "PROJECT", node: "%(node)s", {STATE}) {{ id }}'
    ),
    "Mutation.changeState": change(
        f'changeState(project: "PROJECT", id: "%(state)s", {STATE}) {{ id }}'
    ),
    "Mutation.removeState": change('removeState(project: "PROJECT", id: "%(state)s")'),
    "Mutation.putShiftPattern": change(
        'putShiftPattern(project: "PROJECT", node: "%(node)s", name: "x",'
        f' validFrom: "2026-03-01", {RULE}) {{ id }}'
    ),
    "Mutation.useReadyPattern": change(
        'useReadyPattern(project: "PROJECT", node: "%(node)s", code: "day-shift",'
        ' validFrom: "2026-03-01") { id }'
    ),
    "Mutation.endShiftPattern": change(
        'endShiftPattern(project: "PROJECT", id: "%(pattern)s", validTo: "2026-03-20") { id }'
    ),
    "Mutation.removeShiftPattern": change(
        'removeShiftPattern(project: "PROJECT", id: "%(pattern)s")'
    ),
    "Mutation.importStates": change(
        f'importStates(project: "PROJECT", node: "%(node)s", {FILE}) {{ kept }}'
    ),
    "Mutation.changeCalendar": [
        'mutation { changeCalendar(project: "%(project)s", calendar: {weekStart: 7})'
        " { weekStart } }"
    ],
}


async def a_calendar(platform: Platform, project: int, node: int) -> tuple[str, str]:
    """A state and a pattern of a node; answers their outside identities."""
    asker, day = Asker(1, new_uuid(NOW)), date(2026, 3, 10)
    rule = msgspec.to_builtins(ready_made()["day-shift"][1])
    async with platform.database.project(project) as tx:
        begun = await effects.begin(tx, project, NOW)
        state = await states.enter(begun, Wanted(node, State.STOP, Span(day, day)), asker)
        pattern = await patterns.put(begun, node, {"en": "x"}, rule, day, asker)
    return encode_id("opst", state.uid), encode_id("shpt", pattern.uid)


async def test_the_calendar_tells_and_changes_nothing(
    platform: Platform,
    learns_nothing: LearnsNothing,
    client: Client,
    ask: Ask,
    alice: Actor,
    stranger: Actor,
) -> None:
    made = await make_plant(platform, alice.tenant)
    await make_plant(platform, stranger.tenant)
    state, pattern = await a_calendar(platform, alice.tenant.id, made.nodes["a"].id)
    hers = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "node": made.nodes["a"].text,
        "meter": made.meters["m1"].text,
        "state": state,
        "pattern": pattern,
    }
    await learns_nothing(QUESTIONS, hers, nothing_like(hers))
    # The same questions do find something when Alice asks.
    answer = await ask(await client(alice), QUESTIONS["Project.calendar"][6] % hers)
    assert "day-shift" not in str(answer)
    assert pattern in str(answer)
