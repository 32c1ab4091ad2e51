"""The stranger's questions about the calendar: rows of `test_stranger.QUESTIONS`."""

from datetime import date

import msgspec

from backend.aggregation.operating import State
from backend.aggregation.shifts import ready_made
from backend.core.db import WriteSession
from backend.core.ids import encode_id
from backend.service.calendar import effects, patterns, states
from backend.service.calendar.states import Span, Wanted
from backend.service.people.asker import Asker
from tests.postgres import NOW

SPAN = 'start: "2026-03-15T00:00:00Z", end: "2026-03-16T00:00:00Z"'


def _both(inside: str) -> list[str]:
    return [
        f'{{{{ project(id: "{{project}}") {{{{ calendar {{{{ {inside} }}}} }}}} }}}}',
        f'{{{{ project(id: "{{own}}") {{{{ calendar {{{{ {inside} }}}} }}}} }}}}',
    ]


def _mutation(text: str) -> list[str]:
    return [
        f"mutation {{{{ {text.replace('PROJECT', '{project}')} }}}}",
        f"mutation {{{{ {text.replace('PROJECT', '{own}')} }}}}",
    ]


DAYS = 'first: "2026-03-15", last: "2026-03-15"'
STATE = 'state: {{state: STOP, firstDay: "2026-03-15", lastDay: "2026-03-15"}}'
RULE = (
    'rule: {{slots: [{{name: "day", start: "08:00", end: "16:00"}}],'
    ' cycle: [[{{slot: "day", team: "A"}}]], anchor: "2026-01-01"}}'
)

CALENDAR_QUESTIONS: dict[str, list[str]] = {
    "Project.calendar": [
        *_both(f'days(node: "{{node}}", {DAYS}) {{{{ day }}}}'),
        *_both(f'states(scope: "{{node}}", {SPAN}) {{{{ id }}}}'),
        *_both(f'states(scope: "{{meter}}", {SPAN}) {{{{ id }}}}'),
        *_both('patterns(node: "{node}") {{ id }}'),
        *_both(f'shifts(node: "{{node}}", {SPAN}) {{{{ shift }}}}'),
        *_both(
            'compared(period: DAY, kind: MOM, align: DAY_TYPE, node: "{node}") {{ otherStart }}'
        ),
        '{{ project(id: "{project}") {{ calendar {{ settings {{ weekStart }} }} }} }}',
    ],
    "Mutation.enterState": _mutation(
        f'enterState(project: "PROJECT", node: "{{node}}", {STATE}) {{{{ id }}}}'
    ),
    "Mutation.changeState": _mutation(
        f'changeState(project: "PROJECT", id: "{{calendar_state}}", {STATE}) {{{{ id }}}}'
    ),
    "Mutation.removeState": _mutation('removeState(project: "PROJECT", id: "{calendar_state}")'),
    "Mutation.putShiftPattern": _mutation(
        'putShiftPattern(project: "PROJECT", node: "{node}", name: "x",'
        f' validFrom: "2026-03-01", {RULE}) {{{{ id }}}}'
    ),
    "Mutation.useReadyPattern": _mutation(
        'useReadyPattern(project: "PROJECT", node: "{node}", code: "day-shift",'
        ' validFrom: "2026-03-01") {{ id }}'
    ),
    "Mutation.endShiftPattern": _mutation(
        'endShiftPattern(project: "PROJECT", id: "{shift_pattern}", validTo: "2026-03-20") {{ id }}'
    ),
    "Mutation.removeShiftPattern": _mutation(
        'removeShiftPattern(project: "PROJECT", id: "{shift_pattern}")'
    ),
    "Mutation.changeCalendar": [
        'mutation {{ changeCalendar(project: "{project}", calendar: {{weekStart: 7}})'
        " {{ weekStart }} }}"
    ],
}


async def a_calendar(tx: WriteSession, project: int, node: int, asker: Asker) -> tuple[str, str]:
    """A state and a pattern of a node; answers their outside identities."""
    change = await effects.begin(tx, project, NOW)
    day = date(2026, 3, 10)
    state = await states.enter(change, Wanted(node, State.STOP, Span(day, day)), asker)
    rule = msgspec.to_builtins(ready_made()["day-shift"][1])
    pattern = await patterns.put(change, node, {"en": "x"}, rule, day, asker)
    return encode_id("opst", state.uid), encode_id("shpt", pattern.uid)
