"""Everybody of a holding at a desk, signed in, and the group that one of them made."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.holdings import Holding, make_holding, project_of
from tests.graphql.test_restatements import part
from tests.postgres import MakePerson, MakeProject

MAKE = "mutation ($name: String!) { makeGroup(name: $name) { id name owner peopleCount } }"
INVITE = """mutation ($group: ID!, $kind: GroupLink = PROJECT, $days: Int = 7) {
  inviteToGroup(group: $group, kind: $kind, days: $days, note: "works") {
    link qr qrSize invitation { id kind note usedAt } } }"""
GIVE = """mutation ($project: ID!, $token: String!, $rollups: [Rollup!]!, $since: Date!) {
  giveGroupConsent(project: $project, token: $token, rollups: $rollups, since: $since) {
    id group rollups since endedAt people { person { login } owner gone days last } } }"""
CHANGE = """mutation ($project: ID!, $id: ID!, $rollups: [Rollup!]!, $since: Date!) {
  changeGroupConsent(project: $project, id: $id, rollups: $rollups, since: $since) {
    id rollups since } }"""
END = """mutation ($project: ID!, $id: ID!) {
  endGroupConsent(project: $project, id: $id) { endedAt } }"""
FIGURES = """query ($group: ID!, $period: Period = MONTH, $day: Date = "2026-02-10",
  $by: Rollup = KGCE, $energy: String) { group(id: $group) { figures(period: $period, day: $day,
  by: $by, energy: $energy) {
    members { id currency since rollups figures { start end complete quality
      energies { energy unit amount { now before } } kgce { now before } kgco2 { now before }
      cost { now before } intensity { energy unit amount { now before } } } }
    kgce { projects amount { now before } } kgco2 { projects amount { now before } }
    costs { of projects amount { now before } }
    energies { of unit projects amount { now } } } } }"""
CURVE = """query ($group: ID!, $period: Period = MONTH, $last: Date = "2026-03-15",
  $count: Int = 3, $by: Rollup = KGCE, $energy: String) { group(id: $group) {
  curve(period: $period, last: $last, count: $count, by: $by, energy: $energy) {
    id unit points { name start end now before why quality whole complete } } } }"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everybody signed in, and the group that Helga made."""

    holding: Holding
    ask: Ask
    helga: httpx.AsyncClient
    nora: httpx.AsyncClient
    sam: httpx.AsyncClient
    group: str

    async def link(self, kind: str = "PROJECT") -> str:
        """The token of a new link of the group."""
        answer = await self.ask(self.helga, INVITE, {"group": self.group, "kind": kind})
        return str(part(answer, "data", "inviteToGroup", "link")).partition("#")[2]

    async def consent(self, project: str, *rollups: str, since: str = "2025-01-01") -> str:
        """A consent of the north or the south works, and its identity."""
        asker = self.nora if project == "north" else self.sam
        given = {
            "project": project, "token": await self.link(), "rollups": rollups, "since": since,
        }  # fmt: skip
        answer = await self.ask(asker, GIVE, given)
        return str(part(answer, "data", "giveGroupConsent", "id"))

    async def figures(self, **asked: object) -> dict[str, object]:
        """What Helga is told."""
        answer = await self.ask(self.helga, FIGURES, {"group": self.group, **asked})
        return fields(part(answer, "data", "group", "figures"))

    async def member(self, **asked: object) -> dict[str, object]:
        """What Helga is told of the only project."""
        return fields(await self._told(asked))

    async def untold(self, **asked: object) -> bool:
        """Whether Helga is told nothing of the only project."""
        return await self._told(asked) is None

    async def _told(self, asked: Mapping[str, object]) -> object:
        members = listed((await self.figures(**asked))["members"])
        assert len(members) == 1
        return members[0]["figures"]

    async def curve(self, **asked: object) -> dict[str, list[dict[str, object]]]:
        """The points that Helga is told, by project."""
        answer = await self.ask(self.helga, CURVE, {"group": self.group, **asked})
        lines = listed(part(answer, "data", "group", "curve"))
        slugs = {project_of(self.holding.north): "north", project_of(self.holding.south): "south"}
        return {slugs[str(line["id"])]: listed(line["points"]) for line in lines}


async def make_desk(
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
    client: Client,
    ask: Ask,
) -> Desk:
    """A holding, and Helga's group."""
    holding = await make_holding(platform, make_project, make_person)
    helga = await client(holding.helga)
    answer = await ask(helga, MAKE, {"name": " The  Holding "})
    made = fields(part(answer, "data", "makeGroup"))
    assert {**made, "id": ""} == {
        "id": "", "name": "The Holding", "owner": True, "peopleCount": 1,
    }  # fmt: skip
    nora, sam = await client(holding.nora), await client(holding.sam)
    return Desk(holding, ask, helga, nora, sam, str(made["id"]))


def fields(told: object) -> dict[str, object]:
    """An object of an answer."""
    assert isinstance(told, dict), told
    return told


def listed(told: object) -> list[dict[str, object]]:
    """A list of objects of an answer."""
    assert isinstance(told, list), told
    return told


def amount(now: str | None, before: str | None = None) -> dict[str, str | None]:
    """An amount as it is answered."""
    return {"now": now, "before": before}
