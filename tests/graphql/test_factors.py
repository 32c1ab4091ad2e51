"""Versions of conversion factors by GraphQL: set, confirmed, refused, audited, accounted anew."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor, MakePerson

SET = """mutation S($input: FactorInput!) { setFactor(input: $input) {
  id energy substance basis scope value source validFrom validTo confirmed } }"""
CONFIRM = """mutation C($factor: ID!) { confirmFactor(project: "acme", factor: $factor) {
  confirmed confirmedAt confirmedBy { login } } }"""
LIST = """{ project(id: "acme") { factors {
  id value scope validFrom validTo confirmed } audit { action result ref } } }"""
TODAY = "2026-03-14T16:00:00Z"
"""Midnight in Shanghai before NOW, noon of 15 March."""


def wanted(**changed: str) -> Mapping[str, object]:
    """A grid factor from today on, or another."""
    base = {
        "project": "acme",
        "energy": "electricity",
        "substance": "kgco2",
        "basis": "location",
        "value": "0.5827",
        "source": "Announcement 2025 No. 47, Jiangsu",
        "validFrom": TODAY,
    }
    return {"input": {**base, **changed}}


@pytest.fixture
async def made(made: Plant, alice: Actor, platform: Platform) -> Plant:
    """Alice's plant with the published grid factor."""
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)"
            " VALUES (%s, 'electricity', 'kgco2', 0.5306, 'location', '2021-04-01Z', 'national')",
            (alice.tenant.id,),
        )
    return made


async def test_a_new_version_ends_the_one_before_and_accounts_are_made_anew(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(alice)
    answer = (await ask(hers, SET, wanted()))["data"]["setFactor"]  # type: ignore[index]
    number = answer.pop("id")
    assert answer == {
        "energy": "electricity",
        "substance": "kgco2",
        "basis": "location",
        "scope": 2,
        "value": "0.5827",
        "source": "Announcement 2025 No. 47, Jiangsu",
        "validFrom": TODAY,
        "validTo": None,
        "confirmed": False,
    }
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert [(f["value"], f["validTo"]) for f in project["factors"]] == [
        ("0.5306", TODAY),
        ("0.5827", None),
    ]
    assert project["audit"] == [{"action": "factor.set", "result": "set", "ref": number}]
    async with platform.database.read(alice.tenant.id) as tx:
        dirty = await tx.fetch_tuples(
            "SELECT point_id, first_ts, last_ts FROM dirty WHERE project_id = %s ORDER BY 1",
            (alice.tenant.id,),
        )
        event = await tx.fetch_value(
            "SELECT kind FROM event WHERE project_id = %s", (alice.tenant.id,), into=str
        )
    midnight = datetime(2026, 3, 14, 16, tzinfo=UTC)
    registers = [made.points[meter, "ep_imp"] for meter in ("m0", "m1", "m2")]
    assert dirty == [(point, midnight, NOW) for point in sorted(registers)]
    assert event == "model"


async def test_a_version_of_tomorrow_makes_nothing_dirty_today(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    later = (NOW + timedelta(hours=12)).isoformat()
    answer = await ask(await client(alice), SET, wanted(validFrom=later))
    assert answer["data"]["setFactor"]["validFrom"] == "2026-03-15T16:00:00Z"  # type: ignore[index]
    async with platform.database.read(alice.tenant.id) as tx:
        assert not await tx.fetch_tuples(
            "SELECT 1 FROM dirty WHERE project_id = %s", (alice.tenant.id,)
        )


async def test_a_person_confirms_a_version_once_and_it_stays(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    number = (await ask(hers, SET, wanted()))["data"]["setFactor"]["id"]  # type: ignore[index]
    typo = await ask(hers, SET, wanted(value="0.5828"))
    number = typo["data"]["setFactor"]["id"]  # type: ignore[index]
    confirmed = await ask(hers, CONFIRM, {"factor": number})
    assert confirmed["data"]["confirmFactor"] == {  # type: ignore[index]
        "confirmed": True,
        "confirmedAt": "2026-03-15T04:00:00Z",
        "confirmedBy": {"login": "alice"},
    }
    assert code(await ask(hers, CONFIRM, {"factor": number})) == "factor_confirmed"
    assert code(await ask(hers, SET, wanted(value="0.5829"))) == "factor_overlap"
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert [f["value"] for f in project["factors"]] == ["0.5306", "0.5828"]


async def test_overlapping_validity_is_refused_naming_the_other_version(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    await ask(hers, SET, wanted(validFrom="2026-03-15T16:00:00Z"))
    answer = await ask(hers, SET, wanted())
    [error] = answer["errors"]  # type: ignore[misc]
    assert error["extensions"]["code"] == "factor_overlap"  # type: ignore[has-type]
    assert error["extensions"]["params"] == {  # type: ignore[has-type]
        "value": "0.5306",
        "start": "2021-04-01 08:00",
        "end": "2026-03-16 00:00",
        "source": "national",
    }
    # Another basis is another row of figures.
    market = await ask(hers, SET, wanted(basis="market"))
    assert market["data"]["setFactor"]["scope"] == 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"validFrom": "2026-03-14T15:45:00Z"}, "restatement_needed"),
        ({"validFrom": "1970-01-01T00:00:00Z"}, "restatement_needed"),
        ({"validFrom": "2099-01-01T00:00:00Z"}, "date_far"),
        ({"validFrom": "2026-03-15T04:07:00Z"}, "not_quarter_hour"),
        ({"energy": "ether"}, "energy_unknown"),
        ({"substance": "kgso2"}, "factor_substance"),
        ({"basis": "calorific"}, "factor_basis"),
        ({"value": "-0.1"}, "factor_value"),
        ({"value": "1e308"}, "factor_value"),
        ({"value": "0.1234567890123"}, "factor_value"),
        ({"source": "  "}, "factor_source"),
    ],
)
async def test_what_cannot_be_a_factor_says_why_and_changes_nothing(
    client: Client, ask: Ask, alice: Actor, made: Plant, changed: dict[str, str], expected: str
) -> None:
    hers = await client(alice)
    assert code(await ask(hers, SET, wanted(**changed))) == expected
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert [(f["value"], f["validTo"]) for f in project["factors"]] == [("0.5306", None)]
    assert project["audit"] == []


async def test_numbers_that_are_none_are_refused_at_the_door(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    for value in ("NaN", "Infinity", "-Infinity", "a lot"):
        answer = await ask(await client(alice), SET, wanted(value=value))
        assert "Decimal wants a number" in str(answer["errors"])


async def test_a_shift_leader_reads_and_does_not_set(
    client: Client, ask: Ask, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    emil = await client(await make_person("emil", alice.tenant, role="shift_leader"))
    assert code(await ask(emil, SET, wanted())) == "not_allowed"
    found = (await ask(emil, LIST.replace("audit { action result ref }", "")))["data"]
    number = found["project"]["factors"][0]["id"]  # type: ignore[index]
    assert code(await ask(emil, CONFIRM, {"factor": number})) == "not_allowed"
