"""Recovery codes are kept salted; each works once, those from before there was a salt, too."""

import asyncio
import hashlib

import psycopg

from backend.core.db import Database
from backend.service.identity import recovery
from tests.postgres import NOW, Actor

ROWS = "SELECT code_hash FROM recovery_code WHERE person_id = %s AND used_at IS NULL"


async def use(database: Database, person: Actor, code: str) -> bool:
    """Use a code as it was shown."""
    async with database.platform() as tx:
        return await recovery.use(tx, person.id, code.replace("-", ""), NOW)


async def test_each_has_a_salt_of_its_own_and_works_once(
    database: Database, alice: Actor, bob: Actor, admin: psycopg.Connection
) -> None:
    async with database.platform() as tx:
        codes = await recovery.renew(tx, alice.id)
    kept = [bytes(row[0]) for row in admin.execute(ROWS, (alice.id,)).fetchall()]
    assert {len(one) for one in kept} == {48}
    assert len({one[:16] for one in kept}) == len(codes) == 10
    plain = {hashlib.sha256(code.replace("-", "").encode()).digest() for code in codes}
    assert not plain & {one[16:] for one in kept}
    assert await use(database, bob, codes[0]) is False
    tries = await asyncio.gather(*(use(database, alice, codes[0]) for _ in range(3)))
    assert sorted(tries) == [False, False, True]
    assert await use(database, alice, "2222-2222-2222-2222") is False
    assert await use(database, alice, codes[1]) is True
    assert len(admin.execute(ROWS, (alice.id,)).fetchall()) == 8


async def test_a_code_from_before_there_was_a_salt_is_good(
    database: Database, alice: Actor, admin: psycopg.Connection
) -> None:
    admin.execute(
        "INSERT INTO recovery_code (person_id, code_hash) VALUES (%s, %s)",
        (alice.id, hashlib.sha256(b"oldoldoldoldoldo").digest()),
    )
    assert await use(database, alice, "oldo-ldol-dold-oldo") is True
    assert await use(database, alice, "oldo-ldol-dold-oldo") is False
