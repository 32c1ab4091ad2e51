"""Groups of projects: a group is told what each project consents to, while it consents."""

import psycopg
import pytest

from backend.application.web_process import WebProcess
from backend.core import audit
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.desks import (
    CHANGE,
    END,
    FIGURES,
    GIVE,
    INVITE,
    MAKE,
    Desk,
    amount,
    make_desk,
)
from tests.graphql.holdings import project_of
from tests.graphql.walk.people import make_key
from tests.postgres import MakePerson, MakeProject

REVOKE = """mutation ($group: ID!, $id: ID!) {
  revokeGroupInvitation(group: $group, id: $id) { revokedAt } }"""
OFFER = "query ($token: String!) { groupOffer(token: $token) { name kind } }"
ACCEPT = "mutation ($token: String!) { acceptGroupInvitation(token: $token) { id owner } }"
CONSENTS = """query ($project: ID!) { project(id: $project) { groupConsents {
  id group rollups since endedAt people { person { login } owner gone days last } } } }"""
GROUP = """query ($group: ID!) { group(id: $group) { group { name owner peopleCount projectCount }
  people { person { login } owner } invitations { kind usedAt } } }"""
LEAVE = "mutation ($group: ID!, $person: ID) { leaveGroup(group: $group, person: $person) }"
OWNER = """mutation ($group: ID!, $person: ID!, $owner: Boolean!) {
  setGroupOwner(group: $group, person: $person, owner: $owner) { owner } }"""


@pytest.fixture
async def desk(
    platform: Platform, make_project: MakeProject, make_person: MakePerson, client: Client, ask: Ask
) -> Desk:
    return await make_desk(platform, make_project, make_person, client, ask)


async def test_a_group_is_told_ranked_figures_and_totals_of_what_was_consented_to(
    desk: Desk,
) -> None:
    await desk.consent("north", "QUANTITY", "KGCE", "COST")
    await desk.consent("south", "KGCE", "INTENSITY", since="2026-02-01")
    told = await desk.figures()
    south, north = told["members"]  # type: ignore[misc]
    assert [south["id"], north["id"]] == [  # type: ignore[has-type]
        project_of(desk.holding.south), project_of(desk.holding.north),
    ]  # fmt: skip
    nothing = amount(None)
    assert north["figures"] == {  # type: ignore[has-type]
        "start": "2026-01-31T16:00:00Z", "end": "2026-02-28T16:00:00Z",
        "complete": True, "quality": "GOOD", "intensity": [], "kgco2": nothing,
        "energies": [{"energy": "electricity", "unit": "kWh",
                      "amount": amount("3000.000000", "2000.000000")}],
        "kgce": amount("3000.000000", "2000.000000"),
        "cost": amount("1500.000000", "1000.000000"),
    }  # fmt: skip
    shown = south["figures"]  # type: ignore[has-type]
    assert (shown["energies"], shown["cost"], shown["kgco2"]) == ([], nothing, nothing)
    assert shown["kgce"] == amount("6000.000000")
    assert shown["intensity"] == [
        {"energy": "product_count", "unit": "kgce/pcs", "amount": amount("1200.000000")}
    ]
    assert told["kgce"] == {"projects": 2, "amount": amount("9000.000000")}
    assert told["kgco2"] == {"projects": 0, "amount": nothing}
    assert told["costs"] == [
        {"of": "CNY", "projects": 1, "amount": amount("1500.000000", "1000.000000")}
    ]
    by_cost = await desk.figures(by="COST")
    assert [one["id"] for one in by_cost["members"]] == [  # type: ignore[attr-defined]
        project_of(desk.holding.north), project_of(desk.holding.south),
    ]  # fmt: skip


async def test_days_are_told_only_where_they_were_consented_to(desk: Desk) -> None:
    consent = await desk.consent("north", "KGCE")
    assert await desk.untold(period="DAY", day="2026-03-14")
    assert await desk.untold(period="MONTH", day="2026-03-01")
    assert (await desk.member(period="YEAR", day="2026-03-01"))["kgce"] == amount(
        "3000.000000", "2000.000000"
    )
    given = {"project": "north", "id": consent, "rollups": ["KGCE", "DAYS"], "since": "2026-02-01"}
    changed = (await desk.ask(desk.nora, CHANGE, given))["data"]["changeGroupConsent"]  # type: ignore[index]
    assert (changed["rollups"], changed["since"]) == (["KGCE", "DAYS"], "2026-02-01")
    assert (await desk.member(period="DAY", day="2026-03-14"))["kgce"] == amount("1000.000000")
    # The running day counts to the running quarter hour: one of its accounts is over.
    running = await desk.member(period="DAY", day="2026-03-15")
    assert (running["end"], running["kgce"]) == (
        "2026-03-15T04:00:00Z", amount("500.000000"),
    )  # fmt: skip
    assert (await desk.member(period="MONTH", day="2026-03-15"))["kgce"] == amount("2500.000000")
    # What a consent that ended allowed is told no more.
    assert await desk.untold(period="MONTH", day="2025-02-01")


async def test_a_consent_that_ended_tells_nothing_from_that_moment(
    desk: Desk, platform: Platform
) -> None:
    consent = await desk.consent("north", "KGCE")
    assert (await desk.member())["kgce"] == amount("3000.000000", "2000.000000")
    ended = await desk.ask(desk.nora, END, {"project": "north", "id": consent})
    assert ended["data"]["endGroupConsent"]["endedAt"] is not None  # type: ignore[index]
    assert (await desk.figures())["members"] == []
    again = await desk.ask(desk.nora, END, {"project": "north", "id": consent})
    assert code(again) == "not_found"
    number = desk.holding.north.tenant.id
    async with platform.database.read(number) as tx:
        entries = await audit.newest(tx, number, audit.Chosen(action="group."), 10)
        assert await audit.broken(tx, number) is None
    told = [(one.action, one.person_id) for one in reversed(entries)]
    helga, nora = desk.holding.helga.id, desk.holding.nora.id
    assert told == [
        ("group.consent", nora), ("group.look", helga), ("group.consent_end", nora),
    ]  # fmt: skip


async def test_a_project_sees_who_is_in_the_group_and_who_looked_when(
    desk: Desk, process: WebProcess, clock: ManualClock, admin: psycopg.Connection
) -> None:
    await desk.consent("north", "KGCE")
    for _ in range(2):
        await desk.figures()
    await clock.advance(86_400)
    await desk.figures()
    # Nothing of the period is told: nobody was told anything.
    await clock.advance(86_400)
    await desk.figures(day="2024-02-10")
    token = await desk.link("READER")
    joined = await desk.ask(desk.sam, ACCEPT, {"token": token})
    assert joined["data"]["acceptGroupInvitation"]["owner"] is False  # type: ignore[index]
    [seen] = (await desk.ask(desk.nora, CONSENTS, {"project": "north"}))["data"]["project"][  # type: ignore[index]
        "groupConsents"
    ]
    assert seen["group"] == "The Holding"
    assert seen["people"] == [
        {"person": {"login": "helga"}, "owner": True, "gone": False, "days": 2,
         "last": "2026-03-16"},
        {"person": {"login": "sam"}, "owner": False, "gone": False, "days": 0, "last": None},
    ]  # fmt: skip
    left = await desk.ask(desk.sam, LEAVE, {"group": desk.group})
    assert left["data"] == {"leaveGroup": True}
    actions = admin.execute(
        "SELECT action FROM audit WHERE project_id = %s AND action LIKE 'group.%%' ORDER BY number",
        (desk.holding.north.tenant.id,),
    ).fetchall()
    assert [row[0] for row in actions] == [
        "group.consent", "group.look", "group.look", "group.join", "group.leave",
    ]  # fmt: skip


async def test_links_are_good_once_for_what_they_are_for(desk: Desk, ask: Ask) -> None:
    token = await desk.link()
    assert (await ask(desk.nora, OFFER, {"token": token}))["data"] == {
        "groupOffer": {"name": "The Holding", "kind": "PROJECT"}
    }
    given = {"project": "north", "token": token, "rollups": ["KGCE"], "since": "2026-01-01"}
    assert code(await ask(desk.nora, ACCEPT, {"token": token})) == "invitation_used"
    assert code(await ask(desk.nora, GIVE, {**given, "rollups": ["DAYS"]})) == "consent_empty"
    assert "errors" not in await ask(desk.nora, GIVE, given)
    for opened, project in ((desk.nora, "north"), (desk.sam, "south")):
        assert code(await ask(opened, GIVE, {**given, "project": project})) == "invitation_used"
    assert code(await ask(desk.nora, GIVE, {**given, "token": await desk.link()})) == (
        "consent_already"
    )
    reader = await desk.link("READER")
    assert code(await ask(desk.sam, GIVE, {**given, "project": "south", "token": reader})) == (
        "invitation_used"
    )
    made = await ask(desk.helga, INVITE, {"group": desk.group})
    one = made["data"]["inviteToGroup"]  # type: ignore[index]
    revoke = {"group": desk.group, "id": one["invitation"]["id"]}
    assert "errors" not in await ask(desk.helga, REVOKE, revoke)
    token = one["link"].partition("#")[2]
    assert code(await ask(desk.sam, OFFER, {"token": token})) == "invitation_used"
    assert code(await ask(desk.helga, INVITE, {"group": desk.group, "days": 31})) == (
        "invitation_days"
    )


async def test_owners_alone_say_who_is_in_a_group_and_one_stays(desk: Desk, ask: Ask) -> None:
    await ask(desk.sam, ACCEPT, {"token": await desk.link("READER")})
    asked = {"group": desk.group}
    helga = {**asked, "person": desk.holding.helga.text}
    for text, variables in (
        (INVITE, asked),
        ("mutation ($group: ID!) { endGroup(group: $group) }", asked),
        ('mutation ($group: ID!) { renameGroup(group: $group, name: "x") { id } }', asked),
        (OWNER, {**helga, "owner": False}),
        (LEAVE, helga),
    ):
        assert code(await ask(desk.sam, text, variables)) == "group_owners_only"
    told = (await ask(desk.sam, GROUP, asked))["data"]["group"]  # type: ignore[index]
    assert told["invitations"] == []
    assert [one["person"]["login"] for one in told["people"]] == ["helga", "sam"]
    assert code(await ask(desk.helga, LEAVE, asked)) == "group_last_owner"
    assert code(await ask(desk.helga, OWNER, {**helga, "owner": False})) == "group_last_owner"
    forget = 'mutation { forgetMe(login: "helga") }'
    assert code(await ask(desk.helga, forget)) in {"group_last_owner", "last_administrator"}
    sam = {**asked, "person": desk.holding.sam.text}
    assert "errors" not in await ask(desk.helga, OWNER, {**sam, "owner": True})
    assert "errors" not in await ask(desk.sam, LEAVE, helga)
    assert (await ask(desk.helga, GROUP, asked))["data"] == {"group": None}


async def test_a_group_that_ended_is_told_nothing_and_its_consents_ended(
    desk: Desk, ask: Ask
) -> None:
    await desk.consent("north", "KGCE")
    token = await desk.link()
    ended = await ask(
        desk.helga, "mutation ($group: ID!) { endGroup(group: $group) }", {"group": desk.group}
    )
    assert ended["data"] == {"endGroup": True}
    assert (await ask(desk.helga, GROUP, {"group": desk.group}))["data"] == {"group": None}
    given = {"project": "south", "token": token, "rollups": ["KGCE"], "since": "2026-01-01"}
    assert code(await ask(desk.sam, GIVE, given)) == "invitation_used"
    consents = await ask(desk.nora, CONSENTS, {"project": "north"})
    [one] = consents["data"]["project"]["groupConsents"]  # type: ignore[index]
    assert one["endedAt"] is not None


async def test_suspended_projects_and_restated_figures_are_told_as_to_members(
    desk: Desk, admin: psycopg.Connection
) -> None:
    await desk.consent("north", "KGCE")
    number = desk.holding.north.tenant.id
    # A version is being applied: what was kept of before is told until all of it is there.
    admin.execute(
        "INSERT INTO account_history (project_id, scope, scope_id, energy, period, start_ts,"
        " version, end_ts, qty, estimated_qty, quality, kgce) SELECT project_id, scope, scope_id,"
        " energy, period, start_ts, 5, end_ts, 1, 0, 0, 7 FROM account WHERE project_id = %s"
        " AND period = 4 AND start_ts = '2026-01-31T16:00Z'",
        (number,),
    )
    admin.execute(
        "INSERT INTO restatement (project_id, uid, version, state, change, reason, first_ts,"
        " last_ts, proposed_by, proposed_at) VALUES (%s, gen_random_uuid(), 5, 'applying', '{}',"
        " 'x', now(), now(), 1, now())",
        (number,),
    )
    assert (await desk.member())["kgce"] == amount("7", "2000.000000")
    admin.execute("UPDATE project SET suspended_at = now() WHERE id = %s", (number,))
    assert (await desk.figures())["members"] == []


async def test_groups_are_for_people_who_look_after_a_project(
    desk: Desk, platform: Platform, client: Client, ask: Ask, make_person: MakePerson
) -> None:
    tenant = desk.holding.north.tenant
    part = desk.holding.north.nodes["a"].id
    manager = await make_person("max", tenant, role="manager")
    limited = await make_person("lim", tenant, role="administrator", node=part)
    blind = await make_person("bli", tenant, role="administrator", modules=["alarms"])
    for actor in (manager, limited):
        assert code(await ask(await client(actor), MAKE, {"name": "Mine"})) == "group_making"
    given = {
        "project": "north", "token": await desk.link(), "rollups": ["KGCE"], "since": "2026-01-01",
    }  # fmt: skip
    refused = {actor.login: await ask(await client(actor), GIVE, given)
               for actor in (manager, limited, blind)}  # fmt: skip
    assert {login: code(answer) for login, answer in refused.items()} == {
        "max": "not_allowed", "lim": "not_allowed", "bli": "gives_more_places",
    }  # fmt: skip
    secret, _ = await make_key(platform, desk.holding.helga, None)
    program = await client()
    program.headers["Authorization"] = f"Bearer {secret}"
    assert (await ask(program, "{ groups { id } }"))["data"] == {"groups": []}
    assert (await ask(program, FIGURES, {"group": desk.group}))["data"] == {"group": None}
    assert code(await ask(program, MAKE, {"name": "Mine"})) == "not_by_key"


async def test_a_person_makes_so_many_groups_and_a_group_takes_so_many(
    desk: Desk, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.service.groups.groups.MOST_OF_ONE", 1)
    assert code(await ask(desk.helga, MAKE, {"name": "More"})) == "groups_most"
    monkeypatch.setattr("backend.service.groups.groups.MOST_PEOPLE", 1)
    token = await desk.link("READER")
    assert code(await ask(desk.sam, ACCEPT, {"token": token})) == "group_people_most"
    monkeypatch.setattr("backend.service.groups.consents.MOST_PROJECTS", 0)
    given = {
        "project": "north", "token": await desk.link(), "rollups": ["KGCE"], "since": "2026-01-01",
    }  # fmt: skip
    assert code(await ask(desk.nora, GIVE, given)) == "group_projects_most"


async def test_nothing_but_the_root_s_accounts_can_be_read_for_a_group(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked of the database after it was narrowed: the accounts of the site alone."""
    await desk.consent("north", "KGCE")
    seen: list[tuple[int, ...]] = []

    async def spied(tx: object, project_id: int, *_: object) -> dict[int, object]:
        counts = []
        for table in ("node", "meter", "point", "gateway", "reading", "audit", "alarm_occurrence"):
            rows = await tx.fetch_tuples(f"SELECT count(*) FROM {table}".encode())  # type: ignore[attr-defined]
            counts.append(int(rows[0][0]))
        rows = await tx.fetch_tuples(  # type: ignore[attr-defined]
            "SELECT DISTINCT scope_id FROM account WHERE project_id = project_id"
        )
        assert [row[0] for row in rows] == [desk.holding.north.nodes["site"].id]
        seen.append(tuple(counts))
        return {}

    monkeypatch.setattr("backend.service.groups.reading.span_sums", spied)
    await desk.figures()
    assert seen[0][:5] == (1, 0, 0, 0, 0)
