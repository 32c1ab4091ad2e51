"""Making a project online: whole or not at all, in one transaction, by whoever may.

Its short name, by which gateways and topics know it for ever, is made of the name and four random
characters, so that nobody learns from it which other projects there are.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotAllowed, TooMuch
from backend.core.ids import encode_id, new_uuid
from backend.core.settings import Settings
from backend.service.people.asker import Asker
from backend.service.people.authority import ADMINISTRATOR
from backend.service.people.operators import is_operator
from backend.service.people.ready_made import make_roles
from backend.service.projects.create import fill
from backend.service.projects.creation import Creation
from backend.service.projects.quotas import defaults, set_quota
from backend.service.projects.template import Template, offered_templates
from backend.service.projects.traits import Traits, checked

MOST_OF_ONE: Final = 5
"""Projects that one person may have made, unless they operate the platform."""
_CURRENCY = re.compile(r"[A-Z]{3}")
_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a project is to be; zone is IANA's, currency ISO 4217."""

    template: str
    zone: str
    currency: str
    traits: Traits


async def may_found(tx: ReadSession, person_id: int, sign_up: str) -> bool:
    """Tell whether somebody may make projects; `sign_up` is the setting KILOWISE_SIGN_UP."""
    return sign_up != "off" or await is_operator(tx, person_id)


async def found(
    database: Database, wanted: Wanted, asker: Asker, settings: Settings, now: datetime
) -> UUID:
    """Make a project and its maker the administrator; answers its identity.

    NotAllowed for who may not, TooMuch for who made enough, InvalidInput for what cannot be.
    """
    async with database.platform() as tx:
        if not await may_found(tx, asker.person_id, settings.sign_up):
            raise NotAllowed("project_making")
        parts, kept = _checked(wanted)
        await _allow_another(tx, asker.person_id)
        uid = new_uuid(now)
        number = await _insert(tx, uid, wanted, kept, parts, asker, now)
        await make_roles(tx, number)
        await set_quota(tx, number, defaults(settings))
        await tx.execute(
            "INSERT INTO membership (project_id, person_id, role) VALUES (%s, %s, %s)",
            (number, asker.person_id, ADMINISTRATOR),
        )
        await tx.go_on_in(number)
        await fill(Creation(tx, number, now), _named(parts, kept))
        about = {"template": wanted.template, "zone": wanted.zone, "currency": wanted.currency}
        deed = audit.Deed(
            asker.actor,
            "project.make",
            encode_id("prj", uid),
            "done",
            asker.person_id,
            None,
            {**about, **kept.words},
        )
        await audit.record(tx, number, deed, now)
        # Its calendar and prices are there a moment later, not at the next look of who accounts.
        await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(number),))
    return uid


def _checked(wanted: Wanted) -> tuple[Template, Traits]:
    offered = offered_templates()
    if wanted.template not in offered:
        raise InvalidInput("project_template", known=", ".join(offered))
    if wanted.zone not in available_timezones():
        raise InvalidInput("project_zone", zone=wanted.zone[:40])
    if _CURRENCY.fullmatch(wanted.currency) is None:
        raise InvalidInput("project_currency", currency=wanted.currency[:10])
    return offered[wanted.template], checked(wanted.traits)


async def _allow_another(tx: WriteSession, person_id: int) -> None:
    # One after the other, so that two at a time do not both see the last free place.
    await tx.execute("SELECT 1 FROM person WHERE id = %s FOR UPDATE", (person_id,))
    made = await tx.fetch_value(
        "SELECT count(*) FROM project WHERE created_by = %s", (person_id,), into=int
    )
    if (made or 0) >= MOST_OF_ONE and not await is_operator(tx, person_id):
        raise TooMuch("projects_most", most=MOST_OF_ONE)


async def _insert(
    tx: WriteSession,
    uid: UUID,
    wanted: Wanted,
    kept: Traits,
    parts: Template,
    asker: Asker,
    now: datetime,
) -> int:
    number = await tx.fetch_value(
        "INSERT INTO project (uid, slug, name, zone, day_start_minute, currency, demo, created_at,"
        " rest_weekdays, calendar, template, created_by, accent, languages, energy_unit, standards)"
        " VALUES (%s, %s, %s, %s, %s, %s, false, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            uid,
            _slug(kept.name["en"]),
            Jsonb(kept.name),
            wanted.zone,
            parts.project.day_start_minute,
            wanted.currency,
            now,
            parts.rest_weekdays,
            parts.project.calendar,
            wanted.template,
            asker.person_id,
            kept.accent,
            kept.languages,
            kept.energy_unit,
            Jsonb(kept.standards),
        ),
        into=int,
    )
    if number is None:
        raise LookupError("the project was not created")
    return number


def _named(parts: Template, kept: Traits) -> Template:
    """The site is called what the project is."""
    site = msgspec.structs.replace(parts.tree, en=kept.name["en"], zh=kept.name["zh-CN"])
    return msgspec.structs.replace(parts, tree=site)


def _slug(name: str) -> str:
    stem = re.sub("[^a-z0-9]+", "-", name.casefold()).strip("-")[:24].strip("-") or "project"
    return f"{stem}-{''.join(secrets.choice(_LETTERS) for _ in range(4))}"
