"""Which topics a third party's credential reaches: its scopes within what its owner may now.

The topics are kept in the credential's row, of which brokers' lists are made
(backend/acquisition/admitted.py); `settle` keeps them right when rights or the plant change.
Whoever is limited to a place reaches its points, alarms and devices one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.acquisition.admission import CHANNEL
from backend.acquisition.credentials import is_slug
from backend.core.db import ReadSession, WriteSession
from backend.core.ids import encode_id
from backend.core.sight import Sight
from backend.service.integration import topics
from backend.service.people.limits import Limit, read_sight
from backend.service.people.openings import OpenProject, open_projects
from backend.service.people.roles import Module, Permission
from backend.service.people.sessions import Caller, KeyScope
from gateway.contract.topics import (
    DBIRTH,
    DDATA,
    DDEATH,
    NAMESPACE,
    NBIRTH,
    NDATA,
    NDEATH,
    state,
)


class Scope(StrEnum):
    """What a credential is for; texts under `mqtt.scope.<NAME>`."""

    READINGS = "readings"
    """Hear last values."""
    ALARMS = "alarms"
    """Hear alarms."""
    CONFIG = "config"
    """Hear which configuration gateways are to have, and have."""
    SPARKPLUG = "sparkplug"
    """Hear gateways themselves, as any Sparkplug host does."""
    COMMANDS = "commands"
    """Set points of devices, and hear what became of it."""


WHOLE_PLANT = frozenset({Scope.CONFIG, Scope.SPARKPLUG})
"""Scopes that no place can limit."""


def permissions_of(scopes: Sequence[Scope]) -> frozenset[Permission]:
    """Answer the permissions that scopes stand for."""
    more = {Permission.WRITE} if Scope.COMMANDS in scopes else set()
    return frozenset({Permission.READ, *more})


@dataclass(frozen=True, slots=True)
class Reach:
    """Topic filters that a credential may publish to and subscribe."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


NOTHING = Reach()


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device in a part of the plant: which of its points are, and whether that is all of them."""

    gateway: str
    device: str
    points: list[str]
    whole: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What of a project a limited credential reaches: devices, and identities of alarms."""

    devices: Sequence[SeenDevice]
    alarms: Sequence[str]


@dataclass(frozen=True, slots=True)
class Held:
    """A credential that is good, and for whom it acts."""

    uid: UUID
    stored_scopes: list[str]
    node_id: int | None
    publish: list[str]
    subscribe: list[str]
    expires_at: datetime
    created_at: datetime
    person_id: int
    person_uid: UUID
    login: str
    person_name: dict[str, str]
    locale: str
    demo: bool

    @property
    def name(self) -> str:
        """What it is called at the broker: its outside identity."""
        return encode_id("mqt", self.uid)

    @property
    def scopes(self) -> list[Scope]:
        """What it is for; a scope that this version does not know is none."""
        return [one for one in Scope if one.value in self.stored_scopes]

    def caller(self, project_id: int) -> Caller:
        """Answer who acts by it: its owner, with less than they have."""
        scope = KeyScope(self.uid, project_id, permissions_of(self.scopes), Limit(self.node_id))
        return Caller(
            self.person_id,
            self.person_uid,
            self.login,
            self.person_name,
            self.locale,
            self.demo,
            True,
            b"",
            self.expires_at,
            self.created_at,
            scope,
        )


_HELD = """
SELECT c.uid, c.scopes AS stored_scopes, c.node_id, c.publish, c.subscribe, c.expires_at,
       c.created_at, c.person_id, p.uid AS person_uid, p.login, p.name AS person_name, p.locale,
       p.demo
FROM mqtt_credential c JOIN person p ON p.id = c.person_id
WHERE c.project_id = %s AND c.revoked_at IS NULL AND c.expires_at > %s
"""
_DEVICES = """
SELECT g.slug AS gateway, d.slug AS device, bool_and(p.id = ANY(%(points)s)) AS whole,
       coalesce(array_agg(p.name ORDER BY p.name) FILTER (WHERE p.id = ANY(%(points)s)), '{}')
           AS points
FROM point p
JOIN device d ON d.project_id = %(project)s AND d.id = p.device_id
JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
WHERE p.project_id = %(project)s AND d.id = ANY(%(devices)s)
GROUP BY g.slug, d.slug ORDER BY g.slug, d.slug
"""
_ALARMS = """
SELECT uid FROM alarm_definition WHERE project_id = %(project)s
  AND (node_id = ANY(%(nodes)s) OR meter_id = ANY(%(meters)s)) ORDER BY id
"""


def alarm_id(definition: UUID) -> str:
    """Answer the identity under which an alarm's definition is told."""
    return encode_id("ald", definition)


async def held_credentials(tx: ReadSession, project_id: int, now: datetime) -> list[Held]:
    """Answer the credentials of a project that are neither revoked nor expired."""
    return await tx.fetch_all(_HELD + " ORDER BY c.uid", (project_id, now), into=Held)


async def find_held(tx: ReadSession, project_id: int, uid: UUID, now: datetime) -> Held | None:
    """Answer one of them; None when it is not good now."""
    return await tx.fetch_one(_HELD + " AND c.uid = %s", (project_id, now, uid), into=Held)


async def settle(tx: WriteSession, project_id: int, now: datetime) -> int:
    """Keep what each credential of a project reaches as it should be now; how many changed."""
    changed = 0
    for held in await held_credentials(tx, project_id, now):
        wanted = await _reach_now(tx, project_id, held, now)
        if wanted == Reach(tuple(held.publish), tuple(held.subscribe)):
            continue
        await tx.execute(
            "UPDATE mqtt_credential SET publish = %s, subscribe = %s"
            " WHERE project_id = %s AND uid = %s",
            (list(wanted.publish), list(wanted.subscribe), project_id, held.uid),
        )
        changed += 1
    if changed:
        await tx.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
    return changed


async def _reach_now(tx: ReadSession, project_id: int, held: Held, now: datetime) -> Reach:
    opened = await open_projects(tx, held.caller(project_id), now)
    if not opened:
        return NOTHING
    part = None
    if opened[0].limit.part:
        sight = await read_sight(tx, project_id, opened[0].limit, now)
        part = await _read_part(tx, project_id, sight)
    return reach(held.name, held.scopes, opened[0], part)


async def _read_part(tx: ReadSession, project_id: int, sight: Sight) -> Part:
    asked = {
        "project": project_id,
        "points": list(sight.points),
        "devices": list(sight.devices),
        "nodes": list(sight.nodes),
        "meters": list(sight.meters),
    }
    devices = await tx.fetch_all(_DEVICES, asked, into=SeenDevice)
    alarms = await tx.fetch_tuples(_ALARMS, asked)
    return Part(devices, [alarm_id(row[0]) for row in alarms])


def reach(name: str, scopes: Sequence[Scope], opened: OpenProject, part: Part | None) -> Reach:
    """Answer the topics of a credential; `part` is None where the whole plant is open.

    A project whose slug cannot stand in a topic has none.
    """
    project, modules = opened.slug, opened.limit.modules
    if not is_slug(project):
        return NOTHING
    publish: list[str] = []
    subscribe: list[str] = []
    if Scope.READINGS in scopes:
        subscribe += _readings(project, part)
    if Scope.ALARMS in scopes and Module.ALARMS in modules:
        subscribe += _alarms(project, part)
    if Module.DEVICES in modules and part is None:
        subscribe += _of_gateways(project, scopes)
    if Scope.COMMANDS in scopes and Permission.WRITE in opened.permissions:
        publish += _requests(project, name, part)
        subscribe.append(topics.results(project, name, "+"))
    return Reach(tuple(publish), tuple(subscribe))


def _readings(project: str, part: Part | None) -> list[str]:
    if part is None:
        return [f"{topics.ROOT}/{project}/readings/#"]
    found: list[str] = []
    for one in part.devices:
        if one.whole:
            found.append(topics.readings(project, one.gateway, one.device, "") + "#")
        else:
            found += [topics.readings(project, one.gateway, one.device, p) for p in one.points]
    return found


def _alarms(project: str, part: Part | None) -> list[str]:
    if part is None:
        return [f"{topics.ROOT}/{project}/alarms/+"]
    return [topics.alarms(project, one) for one in part.alarms]


def _of_gateways(project: str, scopes: Sequence[Scope]) -> list[str]:
    found = [f"{topics.ROOT}/{project}/config/+"] if Scope.CONFIG in scopes else []
    if Scope.SPARKPLUG in scopes:
        # Never NCMD and DCMD: configuration documents go that way.
        root = f"{NAMESPACE}/{project}"
        found += [f"{root}/{kind}/+" for kind in (NBIRTH, NDATA, NDEATH)]
        found += [f"{root}/{kind}/+/+" for kind in (DBIRTH, DDATA, DDEATH)]
        found.append(state("+"))
    return found


def _requests(project: str, name: str, part: Part | None) -> list[str]:
    if part is None:
        return [f"{topics.ROOT}/{project}/commands/{name}/+/+"]
    return [topics.requests(project, name, one.gateway, one.device) for one in part.devices]
