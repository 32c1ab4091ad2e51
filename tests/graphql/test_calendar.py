"""The calendar by GraphQL: states, shifts, settings, comparing, with who may and the audit."""

import httpx
import pytest

from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import Actor, MakePerson

ENTER = """mutation E($node: ID!, $state: StateInput!) {
  enterState(project: "acme", node: $node, state: $state)
  { id nodeId state start end firstDay lastDay deEnergised note source } }"""
CHANGE = """mutation C($id: ID!, $state: StateInput!) {
  changeState(project: "acme", id: $id, state: $state) { id state firstDay lastDay } }"""
REMOVE = 'mutation R($id: ID!) { removeState(project: "acme", id: $id) }'
DAYS = """query D($node: ID!, $first: Date!, $last: Date!) { project(id: "acme") { calendar {
  days(node: $node, first: $first, last: $last) { day holiday { zh } springFestival
    stretches { state origin entryId deEnergised note } } } } }"""
STATES = """query S($scope: ID!) { project(id: "acme") { calendar {
  states(scope: $scope, start: "2026-03-16T00:00:00Z", end: "2026-03-16T12:00:00Z")
  { id nodeId state deEnergised } } } }"""
PUT = """mutation P($node: ID!, $rule: ShiftRuleInput!, $from: Date!) {
  putShiftPattern(project: "acme", node: $node, name: "Rota", rule: $rule, validFrom: $from)
  { id name { en zh } validFrom validTo rule { slots { name start end } cycle { slot team }
    anchor everyDay } } }"""
READY = """mutation U($node: ID!, $code: String!, $from: Date!) {
  useReadyPattern(project: "acme", node: $node, code: $code, validFrom: $from)
  { id name { zh } validFrom validTo } }"""
END = """mutation E($id: ID!, $to: Date!) {
  endShiftPattern(project: "acme", id: $id, validTo: $to) { validTo } }"""
SHIFTS = """query S($node: ID!, $start: DateTime!, $end: DateTime!) {
  project(id: "acme") { calendar {
  shifts(node: $node, start: $start, end: $end) { start end shift team day } } } }"""
PATTERNS = """query P($node: ID!) { project(id: "acme") { calendar {
  patterns(node: $node) { name { en } validFrom validTo } } } }"""
SETTINGS = """{ project(id: "acme") { calendar { settings { dayStartMinute weekStart monthStartDay
  yearStartMonth calendar restWeekdays regroupingS }
  statutory { code name { en } years { year confirmed } } } } }"""
SET = """mutation S($calendar: CalendarInput!) {
  changeCalendar(project: "acme", calendar: $calendar) { weekStart calendar restWeekdays } }"""
COMPARED = """query C($at: DateTime!, $kind: Comparison!, $align: Align!, $node: ID) {
  project(id: "acme") { calendar {
    compared(period: DAY, at: $at, kind: $kind, align: $align, node: $node)
    { start end otherStart otherEnd } } } }"""
AUDIT = '{ project(id: "acme") { audit { action result } } }'
STOP = {"state": "STOP", "firstDay": "2026-03-16", "lastDay": "2026-03-17"}


@pytest.fixture
async def hers(client: Client, alice: Actor) -> httpx.AsyncClient:
    """Alice is a manager: she may plan."""
    return await client(alice)


def calendar(answer: dict[str, object]) -> dict[str, object]:
    """What stands below the calendar."""
    return answer["data"]["project"]["calendar"]  # type: ignore[index, no-any-return]


async def test_states_are_entered_changed_and_taken_back(
    hers: httpx.AsyncClient, ask: Ask, made: Plant
) -> None:
    site, shop = made.nodes["site"].text, made.nodes["a"].text
    entered = await ask(hers, ENTER, {"node": site, "state": STOP | {"note": "Line rebuilt"}})
    state = entered["data"]["enterState"]  # type: ignore[index]
    assert state | {"id": ""} == {
        "id": "",
        "nodeId": site,
        "state": "STOP",
        "start": "2026-03-15T16:00:00Z",
        "end": "2026-03-17T16:00:00Z",
        "firstDay": "2026-03-16",
        "lastDay": "2026-03-17",
        "deEnergised": False,
        "note": "Line rebuilt",
        "source": "person",
    }
    span = {"node": shop, "first": "2026-03-15", "last": "2026-03-16"}
    rest = {"origin": "WEEKDAY", "entryId": None, "deEnergised": False, "note": ""}
    above = {"origin": "ANCESTOR", "entryId": state["id"], "deEnergised": False}
    plain = {"holiday": None, "springFestival": False}
    assert calendar(await ask(hers, DAYS, span))["days"] == [
        {"day": "2026-03-15", "stretches": [{"state": "REST", **rest}], **plain},
        {
            "day": "2026-03-16",
            "stretches": [{"state": "STOP", "note": "Line rebuilt", **above}],
            **plain,
        },
    ]
    changed = await ask(
        hers,
        CHANGE,
        {"id": state["id"], "state": STOP | {"state": "WORK", "lastDay": "2026-03-16"}},
    )
    assert changed["data"]["changeState"]["lastDay"] == "2026-03-16"  # type: ignore[index]
    assert (await ask(hers, REMOVE, {"id": state["id"]}))["data"] == {"removeState": True}
    assert code(await ask(hers, REMOVE, {"id": state["id"]})) == "not_found"
    audited = (await ask(hers, AUDIT))["data"]["project"]["audit"]  # type: ignore[index]
    assert [entry["action"] for entry in audited] == ["state.remove", "state.change", "state.enter"]


async def test_a_figures_reasons_are_the_states_of_what_counts_it(
    hers: httpx.AsyncClient, ask: Ask, made: Plant
) -> None:
    dead = STOP | {"deEnergised": True}
    entered = await ask(hers, ENTER, {"node": made.nodes["site"].text, "state": dead})
    other = await ask(hers, ENTER, {"node": made.nodes["b"].text, "state": dead})
    ids = [one["data"]["enterState"]["id"] for one in (entered, other)]  # type: ignore[index]
    for scope, expected in ((made.meters["m1"], ids[:1]), (made.meters["m2"], ids)):
        found = calendar(await ask(hers, STATES, {"scope": scope.text}))["states"]
        assert [one["id"] for one in found] == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lastDay": "2026-03-15"}, "state_days"),
        ({"lastDay": "2028-03-15"}, "state_days"),
        ({"firstDay": "1970-01-01"}, "calendar_day"),
        ({"lastDay": "2099-01-01"}, "calendar_day"),
        ({"lastDay": None}, "state_span"),
        ({"start": "2026-03-16T00:00:00Z"}, "state_span"),
        ({"state": "WORK", "deEnergised": True}, "state_energised"),
        ({"note": "x" * 201}, "state_note"),
        (
            {
                "firstDay": None,
                "lastDay": None,
                "start": "2026-03-16T00:07:00Z",
                "end": "2026-03-16T01:00:00Z",
            },
            "state_quarter",
        ),
    ],
)
async def test_a_state_that_cannot_be_is_refused(
    hers: httpx.AsyncClient, ask: Ask, made: Plant, change: dict[str, object], expected: str
) -> None:
    answer = await ask(hers, ENTER, {"node": made.nodes["a"].text, "state": STOP | change})
    assert code(answer) == expected
    assert (await ask(hers, AUDIT))["data"]["project"]["audit"] == []  # type: ignore[index]


async def test_shift_patterns_are_inherited_and_follow_one_another(
    hers: httpx.AsyncClient, ask: Ask, made: Plant
) -> None:
    site, shop = made.nodes["site"].text, made.nodes["a"].text
    ready = await ask(
        hers, READY, {"node": site, "code": "four-teams-three-shifts", "from": "2026-03-01"}
    )
    assert ready["data"]["useReadyPattern"]["name"]["zh"] == "四班三运转（二二二二）"  # type: ignore[index]
    span = {"node": shop, "start": "2026-03-16T00:00:00Z", "end": "2026-03-16T08:00:00Z"}
    assert calendar(await ask(hers, SHIFTS, span))["shifts"] == [
        {
            "start": "2026-03-16T00:00:00Z",
            "end": "2026-03-16T08:00:00Z",
            "shift": "day",
            "team": "甲",
            "day": "2026-03-16",
        }
    ]
    rule = {
        "slots": [{"name": "long", "start": "20:00", "end": "08:00"}],
        "cycle": [[{"slot": "long", "team": "N"}]],
        "anchor": "2026-01-01",
        "everyDay": True,
    }
    put = await ask(hers, PUT, {"node": shop, "rule": rule, "from": "2026-03-10"})
    pattern = put["data"]["putShiftPattern"]  # type: ignore[index]
    assert (pattern["name"], pattern["rule"]) == ({"en": "Rota", "zh": "Rota"}, rule)
    assert [one["shift"] for one in calendar(await ask(hers, SHIFTS, span))["shifts"]] == [""]  # type: ignore[attr-defined]
    await ask(hers, READY, {"node": shop, "code": "two-shift", "from": "2026-03-14"})
    ended = await ask(hers, END, {"id": pattern["id"], "to": "2026-03-12"})
    assert ended["data"]["endShiftPattern"] == {"validTo": "2026-03-12"}  # type: ignore[index]
    assert calendar(await ask(hers, PATTERNS, {"node": shop}))["patterns"] == [
        {"name": {"en": "Rota"}, "validFrom": "2026-03-10", "validTo": "2026-03-12"},
        {
            "name": {"en": "Two shifts, two teams weekly in turn"},
            "validFrom": "2026-03-14",
            "validTo": None,
        },
    ]
    late = await ask(hers, END, {"id": pattern["id"], "to": "2026-03-13"})
    assert code(late) == "pattern_end"
    twice = {"name": "long", "start": "08:00", "end": "20:00"}
    wrong = rule | {"slots": [{"name": "long", "start": "20:00", "end": "08:00"}, twice]}
    refused = await ask(hers, PUT, {"node": shop, "rule": wrong, "from": "2026-03-10"})
    assert code(refused) == "pattern_rule"
    assert "two slots have the same name" in str(refused)
    assert (
        code(await ask(hers, READY, {"node": shop, "code": "x", "from": "2026-03-10"}))
        == "pattern_unknown"
    )


async def test_settings_change_one_by_one(hers: httpx.AsyncClient, ask: Ask, made: Plant) -> None:
    assert made.nodes
    found = calendar(await ask(hers, SETTINGS))
    assert found["settings"] == {
        "dayStartMinute": 0,
        "weekStart": 1,
        "monthStartDay": 1,
        "yearStartMonth": 1,
        "calendar": None,
        "restWeekdays": [6, 7],
        "regroupingS": 0.0,
    }
    assert found["statutory"] == [
        {
            "code": "cn",
            "name": {"en": "Mainland China"},
            "years": [{"year": 2025, "confirmed": False}, {"year": 2026, "confirmed": False}],
        }
    ]
    for change, expected in (
        ({"weekStart": 7}, [7, None, [6, 7]]),
        ({"calendar": "cn"}, [7, "cn", [6, 7]]),
        ({"restWeekdays": [7]}, [7, "cn", [7]]),
        ({"calendar": ""}, [7, None, [7]]),
    ):
        answer = (await ask(hers, SET, {"calendar": change}))["data"]["changeCalendar"]  # type: ignore[index]
        assert list(answer.values()) == expected
    assert code(await ask(hers, SET, {"calendar": {"monthStartDay": 29}})) == "calendar_begin"


async def test_what_to_compare_with(hers: httpx.AsyncClient, ask: Ask, made: Plant) -> None:
    monday = {"at": "2026-03-16T04:00:00Z", "kind": "MOM", "node": made.nodes["a"].text}

    async def other(**change: object) -> object:
        found = await ask(hers, COMPARED, {"align": "DATE"} | monday | change)
        return calendar(found)["compared"]["otherStart"][:10]  # type: ignore[index]

    assert await other() == "2026-03-14"
    assert await other(align="WEEKDAY") == "2026-03-08"
    assert await other(align="DAY_TYPE") == "2026-03-12"
    await ask(
        hers,
        ENTER,
        {
            "node": made.nodes["site"].text,
            "state": {"state": "REST", "firstDay": "2026-03-13", "lastDay": "2026-03-13"},
        },
    )
    assert await other(align="DAY_TYPE") == "2026-03-11"
    assert await other(kind="SPRING_FESTIVAL", at="2026-02-17T04:00:00Z") == "2025-01-28"
    nameless = await ask(hers, COMPARED, monday | {"align": "DAY_TYPE", "node": None})
    assert code(nameless) == "compare_node"


async def test_who_may_not_plan_changes_nothing(
    client: Client, ask: Ask, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    leader = await client(await make_person("lea", alice.tenant, role="shift_leader"))
    node = made.nodes["a"].text
    rule = {"slots": [], "cycle": [], "anchor": "2026-01-01"}
    for query, variables in (
        (ENTER, {"node": node, "state": STOP}),
        (CHANGE, {"id": "x", "state": STOP}),
        (REMOVE, {"id": "x"}),
        (PUT, {"node": node, "rule": rule, "from": "2026-03-01"}),
        (READY, {"node": node, "code": "two-shift", "from": "2026-03-01"}),
        (END, {"id": "x", "to": "2026-03-01"}),
        (SET, {"calendar": {"weekStart": 7}}),
    ):
        assert code(await ask(leader, query, variables)) == "not_allowed"
    assert calendar(await ask(leader, SETTINGS))["settings"]["weekStart"] == 1  # type: ignore[index]
