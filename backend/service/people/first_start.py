"""The first person of an installation: a one-time link instead of a default password.

While nobody but people of the demonstration can sign in, the web role prints a link with a fresh
token at its start; only the token's SHA-256 is kept, and it works once. Whoever holds it becomes
administrator of every project that has none, and operates the platform.
"""

import secrets

from psycopg.types.json import Jsonb

from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import new_uuid
from backend.service.people.passwords import Passwords
from backend.service.people.sessions import digest

KEY = "setup"


async def new_link(database: Database, clock: Clock) -> str | None:
    """Answer a fresh token, which ends the one before; None once somebody can sign in."""
    async with database.platform() as tx:
        known = await tx.fetch_tuples(
            "SELECT 1 FROM person WHERE password_hash IS NOT NULL AND NOT demo LIMIT 1"
        )
        if known:
            return None
        token = secrets.token_urlsafe(32)
        await tx.execute(
            "INSERT INTO platform_key (name, value, created_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
            " created_at = excluded.created_at",
            (KEY, digest(token).hex(), clock.now()),
        )
    return token


async def set_up(
    database: Database, clock: Clock, passwords: Passwords, token: str, login: str, password: str
) -> None:
    """Make the first person; NotFound for a token that is not, or no longer, good."""
    login = login.strip().casefold()
    if not 1 <= len(login) <= 200:
        raise InvalidInput("login_length", most=200)
    hashed = await passwords.hash(password)
    now = clock.now()
    async with database.platform() as tx:
        used = await tx.execute(
            "UPDATE platform_key SET value = 'used' WHERE name = %s AND value = %s",
            (KEY, digest(token).hex()),
        )
        if used != 1:
            raise NotFound("setup_link_used")
        person = await tx.fetch_value(
            "INSERT INTO person (uid, login, name, password_hash, locale, demo, created_at)"
            " VALUES (%s, %s, %s, %s, 'en', false, %s) ON CONFLICT (login) DO NOTHING"
            " RETURNING id",
            (new_uuid(now), login, Jsonb({"en": login}), hashed, now),
            into=int,
        )
        if person is None:
            raise Conflict("login_taken")
        await tx.execute(
            "INSERT INTO platform_operator (person_id, since) VALUES (%s, %s)", (person, now)
        )
        await tx.execute(
            "INSERT INTO membership (project_id, person_id, role)"
            " SELECT p.id, %s, 'administrator' FROM project p WHERE NOT EXISTS"
            " (SELECT 1 FROM membership m WHERE m.project_id = p.id AND m.role = 'administrator')",
            (person,),
        )
