"""Curves of a group: each project's months or days as far as it consents, else the reason why."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import psycopg
import pytest

from backend.aggregation.stretches import span_sums
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.desks import CHANGE, CURVE, END, Desk, amount, make_desk
from tests.postgres import MakePerson, MakeProject


@pytest.fixture
async def desk(
    platform: Platform, make_project: MakeProject, make_person: MakePerson, client: Client, ask: Ask
) -> Desk:
    return await make_desk(platform, make_project, make_person, client, ask)


def brief(points: Iterable[dict[str, object]]) -> list[tuple[object, ...]]:
    """The name of each slot, its amounts, and why it has none."""
    return [(one["name"], one["now"], one["before"], one["why"]) for one in points]


def summed(points: Sequence[dict[str, object]], which: str) -> Decimal:
    """What the points that are told come to."""
    return sum((Decimal(str(one[which])) for one in points if one[which]), Decimal(0))


async def test_months_stand_beside_the_year_before_or_say_why_they_are_not_told(
    desk: Desk,
) -> None:
    await desk.consent("north", "KGCE")
    await desk.consent("south", "KGCE", since="2026-02-01")
    told = await desk.curve(count=3)
    assert brief(told["north"]) == [
        ("2026-01", None, None, "UNKNOWN"),
        ("2026-02", "3000.000000", "2000.000000", None),
        ("2026-03", None, None, "NOT_OVER"),
    ]
    assert brief(told["south"]) == [
        ("2026-01", None, None, "BEFORE"),
        ("2026-02", "6000.000000", None, None),
        ("2026-03", None, None, "NOT_OVER"),
    ]
    assert told["north"][1] == {
        "name": "2026-02", "now": "3000.000000", "before": "2000.000000", "why": None,
        "start": "2026-01-31T16:00:00Z", "end": "2026-02-28T16:00:00Z",
        "quality": "GOOD", "whole": True, "complete": True,
    }  # fmt: skip
    assert told["north"][2] == {
        "name": "2026-03", "now": None, "before": None, "why": "NOT_OVER",
        "start": None, "end": None, "quality": None, "whole": False, "complete": False,
    }  # fmt: skip


async def test_the_months_come_to_what_the_ranking_tells_of_their_year(desk: Desk) -> None:
    await desk.consent("north", "QUANTITY", "KGCE", "COST", "DAYS")
    ranked = await desk.member(period="YEAR", day="2026-03-15")
    for by, energy, shown in (
        ("KGCE", None, ranked["kgce"]),
        ("COST", None, ranked["cost"]),
        ("QUANTITY", "electricity", ranked["energies"][0]["amount"]),  # type: ignore[index]
    ):
        # March runs: its days, and the quarter hours of today that are over.
        points = (await desk.curve(count=3, by=by, energy=energy))["north"]
        assert [one["whole"] for one in points] == [True, True, False]
        assert summed(points, "now") == Decimal(shown["now"])  # type: ignore[index]
        assert summed(points, "before") == Decimal(shown["before"])  # type: ignore[index]
    assert ranked["kgce"] == amount("5500.000000", "2000.000000")
    units = await desk.ask(desk.helga, CURVE, {"group": desk.group, "by": "COST"})
    assert [one["unit"] for one in units["data"]["group"]["curve"]] == ["CNY"]  # type: ignore[index]


async def test_days_come_to_their_month_and_begin_where_the_consent_does(desk: Desk) -> None:
    await desk.consent("north", "KGCE", "DAYS", since="2026-03-14")
    days = (await desk.curve(period="DAY", last="2026-03-16", count=5))["north"]
    assert brief(days) == [
        ("2026-03-12", None, None, "BEFORE"),
        ("2026-03-13", None, None, "BEFORE"),
        ("2026-03-14", "1000.000000", None, None),
        ("2026-03-15", "500.000000", None, None),
        ("2026-03-16", None, None, "NOT_OVER"),
    ]
    [month] = (await desk.curve(count=1))["north"]
    assert (month["start"], month["whole"]) == ("2026-03-13T16:00:00Z", False)
    assert Decimal(str(month["now"])) == summed(days, "now")


async def test_what_was_not_consented_to_is_no_number_and_nobody_was_told(
    desk: Desk, admin: psycopg.Connection
) -> None:
    consent = await desk.consent("north", "KGCE")
    for asked in ({"by": "COST"}, {"by": "QUANTITY", "energy": "electricity"}, {"period": "DAY"}):
        points = (await desk.curve(**asked))["north"]
        assert {(one["now"], one["before"], one["why"]) for one in points} == {
            (None, None, "NOT_CONSENTED")
        }
    looked = "SELECT count(*) FROM group_look"
    assert admin.execute(looked).fetchone() == (0,)
    assert brief((await desk.curve())["north"])[1][1] == "3000.000000"
    assert admin.execute(looked).fetchone() == (1,)
    given = {"project": "north", "id": consent, "rollups": ["COST"], "since": "2025-01-01"}
    changed = await desk.ask(desk.nora, CHANGE, given)
    assert {one["why"] for one in (await desk.curve())["north"]} == {"NOT_CONSENTED"}
    ended = {"project": "north", "id": changed["data"]["changeGroupConsent"]["id"]}  # type: ignore[index]
    assert "errors" not in await desk.ask(desk.nora, END, ended)
    assert await desk.curve(by="COST") == {}
    # A consent that ends after the directory was looked at: its snapshot says so.
    admin.execute(
        "INSERT INTO group_project (group_id, project_id) SELECT group_id, project_id"
        " FROM group_consent LIMIT 1"
    )
    assert brief((await desk.curve(by="COST", count=2))["north"]) == [
        ("2026-02", None, None, "WITHDRAWN"),
        ("2026-03", None, None, "WITHDRAWN"),
    ]
    assert (await desk.figures())["members"] == []


async def test_a_curve_is_one_question_a_project_and_bounded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.consent("north", "KGCE", "DAYS")
    asked: list[int] = []

    async def counted(*args: object) -> object:
        asked.append(len(args[4]))  # type: ignore[arg-type]
        return await span_sums(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("backend.service.groups.reading.span_sums", counted)
    assert len((await desk.curve(count=36))["north"]) == 36
    assert len((await desk.curve(period="DAY", count=62))["north"]) == 62
    assert len(asked) == 2
    for variables, refusal in (
        ({"count": 37}, "group_curve_count"),
        ({"count": 0}, "group_curve_count"),
        ({"period": "DAY", "count": 63}, "group_curve_count"),
        ({"period": "YEAR"}, "group_curve_period"),
        ({"by": "DAYS"}, "group_curve_by"),
        ({"by": "QUANTITY"}, "energy_unknown"),
        ({"by": "INTENSITY", "energy": "none"}, "energy_unknown"),
        ({"last": "1999-12-31"}, "consent_since"),
    ):
        answer = await desk.ask(desk.helga, CURVE, {"group": desk.group, **variables})
        assert code(answer) == refusal
