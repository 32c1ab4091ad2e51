"""Seeds the demonstration: its project, the gateway's credential and three people; repeatable.

The people's password is public. They are made only where nobody from outside can reach the sign-in
page: bound to loopback, or opened on purpose to phones with PHONE=1.
"""

import asyncio
import ipaddress
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.types.json import Jsonb

from backend.acquisition.credentials import (
    broker_folder,
    gateway_secret,
    hash_secret,
    verify_secret,
)
from backend.core.db import Database, WriteSession
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.people.authority import ADMINISTRATOR
from backend.service.projects.by_hand import keep_by_hand
from backend.service.projects.create import create_project
from backend.service.projects.template import PersonPart, read_template

SLUG = "demo"
TEMPLATE = "qichuan"
GATEWAY = "gateway-1"
CREDENTIAL = f"{SLUG}.{GATEWAY}"
GATEWAY_FILE = "gateway.yaml"
PASSWORD = "kilowise-demo"  # noqa: S105 - public on purpose


def prepare(settings: Settings) -> dict[str, str]:
    """Make ready for plant and gateway before they start; answers environment variables for them.

    The gateway configuration of the last run names ports of that run: it goes, and the simulated
    plant writes it anew before its gateway reads it.
    """
    (settings.data_folder / GATEWAY_FILE).unlink(missing_ok=True)
    secret = gateway_secret(broker_folder(settings.data_folder), CREDENTIAL)
    return {"KILOWISE_MQTT_SECRET": secret}


async def seed(platform: Platform) -> None:
    """Make or refresh the demonstration's rows."""
    template = read_template(TEMPLATE)
    secret = gateway_secret(broker_folder(platform.settings.data_folder), CREDENTIAL)
    project_id = await create_project(platform.database, platform.clock, TEMPLATE, SLUG)
    await keep_by_hand(platform.database, project_id, template, platform.clock.now())
    await _keep_credential(platform.database, project_id, GATEWAY, secret)
    if people_allowed(platform.settings):
        await _people(platform, project_id, template.people)


def people_allowed(settings: Settings) -> bool:
    """Whether people with a public password may exist: on loopback, or with PHONE=1."""
    if not settings.demo:
        return False
    if settings.phone or settings.bind == "localhost":
        return True
    try:
        return ipaddress.ip_address(settings.bind).is_loopback
    except ValueError:
        return False


async def _keep_credential(database: Database, project_id: int, slug: str, secret: str) -> None:
    """Have the gateway's row hold a hash of this secret; a hash that fits stays as it is."""
    async with database.project(project_id) as tx:
        held = await tx.fetch_value(
            "SELECT credential_hash FROM gateway WHERE project_id = %s AND slug = %s",
            (project_id, slug),
            into=str,
        )
        if held is not None and verify_secret(secret, held):
            return
        await tx.execute(
            "UPDATE gateway SET credential_hash = %s WHERE project_id = %s AND slug = %s",
            (hash_secret(secret), project_id, slug),
        )


async def _people(platform: Platform, project_id: int, people: list[PersonPart]) -> None:
    now = platform.clock.now()
    async with platform.database.platform() as tx:
        held = await tx.fetch_value(
            "SELECT password_hash FROM person WHERE demo AND login = %s",
            (people[0].login,),
            into=str,
        )
        hashed = await asyncio.to_thread(_hash, held)
        for person in people:
            number = await tx.fetch_value(
                "INSERT INTO person AS p (uid, login, name, password_hash, locale, demo,"
                " created_at) VALUES (%s, %s, %s, %s, %s, true, %s)"
                " ON CONFLICT (login) DO UPDATE SET name = excluded.name,"
                " password_hash = excluded.password_hash WHERE p.demo RETURNING id",
                (new_uuid(now), person.login, Jsonb(person.name), hashed, person.locale, now),
                into=int,
            )
            # A real person who happens to have this login stays untouched.
            if number is not None:
                await _operates(tx, number, person, now)
                await tx.execute(
                    "INSERT INTO membership (project_id, person_id, role) VALUES (%s, %s, %s)"
                    " ON CONFLICT (project_id, person_id) DO UPDATE SET role = excluded.role",
                    (project_id, number, person.role),
                )


async def _operates(tx: WriteSession, number: int, person: PersonPart, now: datetime) -> None:
    """The demonstration's administrator looks after its platform too."""
    if person.role == ADMINISTRATOR:
        await tx.execute(
            "INSERT INTO platform_operator (person_id, since) VALUES (%s, %s)"
            " ON CONFLICT (person_id) DO NOTHING",
            (number, now),
        )


def _hash(held: str | None) -> str:
    """A hash of the public password; the one held when it fits, because a hash takes a while."""
    hasher = PasswordHasher()
    try:
        if held is not None and hasher.verify(held, PASSWORD):
            return held
    except (VerificationError, InvalidHashError):
        pass
    return hasher.hash(PASSWORD)
