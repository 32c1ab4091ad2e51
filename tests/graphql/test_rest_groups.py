"""Groups by REST: what GraphQL tells, to the digit, to the same people and to nobody else."""

from decimal import Decimal

import httpx
import pytest

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.desks import Desk, make_desk
from tests.graphql.holdings import project_of
from tests.graphql.walk.people import make_key
from tests.postgres import MakePerson, MakeProject

MONTH = {"period": "MONTH", "day": "2026-02-10"}


@pytest.fixture
async def desk(
    platform: Platform, make_project: MakeProject, make_person: MakePerson, client: Client, ask: Ask
) -> Desk:
    return await make_desk(platform, make_project, make_person, client, ask)


async def got(opened: httpx.AsyncClient, path: str, **params: str) -> dict[str, object]:
    """What a route answers, numbers as they are written."""
    response = await opened.get(f"/api/v1/groups{path}", params=params)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json(parse_float=Decimal)
    return body


async def refused(opened: httpx.AsyncClient, path: str, **params: str) -> tuple[int, str]:
    """The status and the code of a problem."""
    response = await opened.get(f"/api/v1/groups{path}", params=params)
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def amount(now: str | None, before: str | None, unit: str) -> dict[str, object]:
    """An amount as it is answered."""
    shown = [None if one is None else Decimal(one) for one in (now, before)]
    return {"now": shown[0], "before": shown[1], "unit": unit}


async def test_ranking_and_totals_are_those_of_graphql(desk: Desk) -> None:
    await desk.consent("north", "QUANTITY", "KGCE", "COST")
    await desk.consent("south", "KGCE", "INTENSITY", since="2026-02-01")
    told = await got(desk.helga, f"/{desk.group}/figures", **MONTH)
    energy = {"energy": "electricity"} | amount("3000.000000", "2000.000000", "kWh")
    south, north = told["members"]  # type: ignore[misc]
    assert north == {  # type: ignore[has-type]
        "id": project_of(desk.holding.north), "name": {"en": "north"}, "currency": "CNY",
        "rollups": ["QUANTITY", "KGCE", "COST"], "since": "2025-01-01",
        "figures": {
            "start": "2026-01-31T16:00:00Z", "end": "2026-02-28T16:00:00Z",
            "kgce": amount("3000.000000", "2000.000000", "kgce"),
            "kgco2": amount(None, None, "kgCO2"), "cost": amount("1500", "1000", "CNY"),
            "energies": [energy], "intensity": [], "quality": 0, "complete": True,
        },
    }  # fmt: skip
    assert south["figures"]["intensity"] == [  # type: ignore[has-type]
        {"energy": "product_count"} | amount("1200", None, "kgce/pcs")
    ]
    assert told["kgce"] == {"of": None, "projects": 2} | amount("9000", None, "kgce")
    assert told["costs"] == [{"of": "CNY", "projects": 1} | amount("1500", "1000", "CNY")]
    assert told["energies"] == [
        {"of": "electricity", "projects": 1} | amount("3000", "2000", "kWh")
    ]
    by_cost = await got(desk.helga, f"/{desk.group}/figures", by="COST", **MONTH)
    assert by_cost["members"] == [north, south]  # type: ignore[has-type]


async def test_curves_are_those_of_graphql(desk: Desk) -> None:
    await desk.consent("north", "COST")
    asked = {"last": "2026-03-15", "count": "3", "by": "COST"}
    [line] = (await got(desk.helga, f"/{desk.group}/curve", **asked))["lines"]  # type: ignore[misc]
    told = (await desk.curve(by="COST"))["north"]
    assert (line["id"], line["unit"]) == (project_of(desk.holding.north), "CNY")  # type: ignore[has-type]
    points = line["points"]  # type: ignore[has-type]
    for point, same in zip(points, told, strict=True):
        numbers = {one: None if same[one] is None else Decimal(str(same[one]))
                   for one in ("now", "before")}  # fmt: skip
        assert point == {**same, **numbers, "quality": None if same["why"] else 0}
    assert [one["now"] for one in points] == [None, Decimal(1500), None]
    by_default = await got(desk.helga, f"/{desk.group}/curve", last="2026-03-15")
    assert len(by_default["lines"][0]["points"]) == 13  # type: ignore[index]


async def test_groups_come_in_pages_to_who_is_in_them(
    desk: Desk, platform: Platform, client: Client
) -> None:
    mine = {"id": desk.group, "name": "The Holding", "owner": True, "people": 1, "projects": 0}
    assert await got(desk.helga, "") == {"items": [mine], "next": None}
    assert await got(desk.nora, "") == {"items": [], "next": None}
    secret, _ = await make_key(platform, desk.holding.helga, None)
    program = await client()
    program.headers["Authorization"] = f"Bearer {secret}"
    assert await got(program, "") == {"items": [], "next": None}
    for opened in (desk.nora, program):
        for path, params in (("figures", MONTH), ("curve", {"last": "2026-02-10"})):
            assert await refused(opened, f"/{desk.group}/{path}", **params) == (404, "not_found")
    assert await refused(await client(), "") == (401, "not_signed_in")


async def test_what_cannot_be_asked_is_a_problem_that_says_so(desk: Desk) -> None:
    for path, params, code in (
        ("figures", {"period": "HOUR", "day": "2026-02-10"}, "group_period"),
        ("figures", {"period": "MONTH", "day": "1999-12-31"}, "consent_since"),
        ("figures", {"period": "MONTH"}, "invalid_input"),
        ("curve", {"last": "2026-02-10", "count": "37"}, "group_curve_count"),
        ("curve", {"last": "2026-02-10", "by": "QUANTITY"}, "energy_unknown"),
        ("curve", {"last": "2026-02-10", "by": "DAYS"}, "invalid_input"),
    ):
        assert await refused(desk.helga, f"/{desk.group}/{path}", **params) == (422, code)
