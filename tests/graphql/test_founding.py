"""Projects made online: by whom, from what, and what their members see of them."""

import base64
from dataclasses import replace
from typing import Literal

import httpx
import psycopg
import pytest

from backend.acquisition.credentials import is_slug
from backend.application.web import build_app
from backend.application.web_process import make_process
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.people.operators import appoint, dismiss
from backend.service.projects.founding import MOST_OF_ONE
from tests.graphql.conftest import BASE, Ask, Client, session_token
from tests.postgres import Actor, MakePerson, MakeProject
from tests.unit.test_looks import SVG, png

SignUp = Literal["off", "invited"]
OFFERED = "{ projectTemplates { code name { zh } places { en } energies } }"
MAKE = """mutation ($template: String = "machinery", $zone: String = "Asia/Shanghai",
  $currency: String = "CNY", $traits: ProjectTraitsInput!) { createProject(input: {
  template: $template, zone: $zone, currency: $currency, traits: $traits })
  { id slug zone currency role name { en zh } nodes { slug name { en } } gateways { slug }
    traits { accent languages energyUnit standards { standard edition } logo } } }"""
NAMED = {"nameEn": "North Works", "nameZh": "北厂"}
SET = """mutation ($traits: ProjectTraitsInput!) { setProject(project: "mill", input: $traits) }"""
LOGO = 'mutation ($file: String) { setLogo(project: "mill", file: $file) }'
TRAITS = '{ project(id: "mill") { name { en } traits { accent energyUnit logo } } }'


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill."""
    return await make_person("root", await make_project("mill"), role="administrator")


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


def opened_to(platform: Platform, sign_up: SignUp) -> Platform:
    """The platform with another setting of who may make projects."""
    told = {"data": platform.settings.data, "sign_up": sign_up}
    return replace(platform, settings=Settings.model_validate(told))


async def test_an_operator_makes_a_project_from_every_template(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    assert await appoint(platform, "root") == "root operates the platform."
    boss = await client(root)
    offered = (await ask(boss, OFFERED))["data"]["projectTemplates"]  # type: ignore[index]
    codes = [one["code"] for one in offered]
    assert codes == ["building", "cement", "chemical", "machinery"]
    admin.execute("LISTEN kw_dirty")
    for one in offered:
        answer = await ask(boss, MAKE, {"template": one["code"], "traits": NAMED})
        made: dict[str, object] = answer["data"]["createProject"]  # type: ignore[index]
        assert is_slug(str(made["slug"]))
        assert str(made["slug"]).startswith("north-works-")
        assert made["name"] == {"en": "North Works", "zh": "北厂"}
        assert made["role"] == "administrator"
        nodes: list[dict[str, dict[str, str]]] = made["nodes"]  # type: ignore[assignment]
        names = [node["name"]["en"] for node in nodes]
        # The site is called what the project is, the places below as the template says.
        assert names[0] == "North Works"
        assert {place["en"] for place in one["places"][1:]} <= set(names)
        assert made["gateways"] == [{"slug": "gateway-1"}]
        assert made["traits"] == {
            "accent": None,
            "languages": ["en", "zh-CN"],
            "energyUnit": "kWh",
            "standards": [
                {"standard": "gb-17167", "edition": "2025"},
                {"standard": "gbt-2589", "edition": "2020"},
                {"standard": "gbt-23331", "edition": "2020"},
            ],
            "logo": None,
        }
    # Who accounts is woken, so that a new project has its calendar at once.
    woken = {int(one.payload) for one in admin.notifies(timeout=10, stop_after=len(codes))}
    numbers = admin.execute("SELECT id FROM project WHERE template IS NOT NULL").fetchall()
    assert woken == {number for (number,) in numbers}
    counted = admin.execute(
        "SELECT p.template, (SELECT count(*) FROM shift_period s WHERE s.project_id = p.id) > 700,"
        " (SELECT count(*) FROM tariff t WHERE t.project_id = p.id),"
        " (SELECT count(*) FROM alarm_definition a WHERE a.project_id = p.id),"
        " (SELECT count(*) FROM meter m WHERE m.project_id = p.id),"
        " (SELECT count(*) FROM project_role r WHERE r.project_id = p.id),"
        " (SELECT string_agg(a.action, ' ') FROM audit a WHERE a.project_id = p.id)"
        " FROM project p WHERE p.template IS NOT NULL ORDER BY 1"
    ).fetchall()
    assert counted == [
        ("building", True, 3, 4, 0, 11, "project.make"),
        ("cement", True, 2, 3, 0, 11, "project.make"),
        ("chemical", True, 3, 3, 0, 11, "project.make"),
        ("machinery", True, 3, 4, 0, 11, "project.make"),
    ]
    assert await dismiss(platform, "root") == "root operates the platform no more."
    assert code(await ask(boss, MAKE, {"traits": NAMED})) == "project_making"


@pytest.mark.parametrize(("sign_up", "expected"), [("off", False), ("invited", True)])
async def test_who_may_make_projects_is_a_setting(
    platform: Platform, root: Actor, ask: Ask, sign_up: SignUp, expected: bool
) -> None:
    process = make_process(opened_to(platform, sign_up))
    transport = httpx.ASGITransport(build_app(process))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as boss:
        boss.cookies.set("kilowise", await session_token(process, root))
        told = await ask(boss, "{ viewer { makesProjects } }")
        assert told["data"] == {"viewer": {"makesProjects": expected}}
        answer = await ask(boss, MAKE, {"traits": NAMED})
        assert ("errors" not in answer) == expected
        if not expected:
            assert code(answer) == "project_making"
            return
        for _ in range(MOST_OF_ONE - 1):
            assert "errors" not in await ask(boss, MAKE, {"traits": NAMED})
        assert code(await ask(boss, MAKE, {"traits": NAMED})) == "projects_most"


async def test_what_is_wrong_is_said_and_nothing_is_made(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    await appoint(platform, "root")
    boss = await client(root)
    for told, expected in (
        ({"template": "qichuan"}, "project_template"),
        ({"template": "../../x"}, "project_template"),
        ({"zone": "Mars/Base"}, "project_zone"),
        ({"currency": "yuan"}, "project_currency"),
        ({"traits": {"nameEn": " "}}, "name_empty"),
        ({"traits": {**NAMED, "languages": ["fr"]}}, "project_languages"),
        ({"traits": {**NAMED, "languages": []}}, "project_languages"),
        ({"traits": {**NAMED, "energyUnit": "BTU"}}, "project_unit"),
        (
            {"traits": {**NAMED, "standards": [{"standard": "gb-17167", "edition": "1997"}]}},
            "project_standard",
        ),
        ({"traits": {**NAMED, "accent": "#ffee00"}}, "project_accent_pale"),
    ):
        assert code(await ask(boss, MAKE, {"traits": NAMED, **told})) == expected
    assert admin.execute("SELECT slug FROM project").fetchall() == [("mill",)]
    nobody = await client()
    assert code(await ask(nobody, MAKE, {"traits": NAMED})) == "not_signed_in"


async def test_names_colour_and_picture_change_for_every_member(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson, admin: psycopg.Connection
) -> None:
    boss, bob = await client(root), await client(await make_person("bob", root.tenant))
    wanted = {"nameEn": "South Mill", "accent": "#0B6F66", "energyUnit": "MWh"}
    assert await ask(boss, SET, {"traits": wanted}) == {"data": {"setProject": True}}
    file = base64.b64encode(png(16)).decode()
    assert await ask(boss, LOGO, {"file": file}) == {"data": {"setLogo": True}}
    seen: dict[str, object] = (await ask(bob, TRAITS))["data"]["project"]  # type: ignore[index]
    traits: dict[str, str] = seen["traits"]  # type: ignore[assignment]
    assert seen["name"] == {"en": "South Mill"}
    assert (traits["accent"], traits["energyUnit"]) == ("#0b6f66", "MWh")
    found = await bob.get("/api/v1/logo?project=mill")
    assert (found.content, found.headers["content-type"]) == (png(16), "image/png")
    assert found.headers["etag"] == f'"{traits["logo"]}"'
    known = {"If-None-Match": found.headers["etag"]}
    assert (await bob.get("/api/v1/logo?project=mill", headers=known)).status_code == 304
    for who, query, given, expected in (
        (bob, SET, {"traits": wanted}, "not_allowed"),
        (bob, LOGO, {"file": None}, "not_allowed"),
        (boss, LOGO, {"file": base64.b64encode(SVG).decode()}, "project_logo_kind"),
        (boss, LOGO, {"file": "%%%"}, "project_logo_kind"),
    ):
        assert code(await ask(who, query, given)) == expected
    assert (await ask(boss, LOGO, {"file": None}))["data"] == {"setLogo": True}
    assert (await bob.get("/api/v1/logo?project=mill")).status_code == 404
    done = admin.execute("SELECT action, new FROM audit ORDER BY number").fetchall()
    assert [action for action, _ in done] == ["project.change", "project.logo", "project.logo"]
    assert '"accent":"#0b6f66"' in done[0][1]
