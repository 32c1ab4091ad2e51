"""Wrong passwords make who guesses wait longer and longer, and nobody else."""

import pytest

from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.errors import NotSignedIn, TooMuch
from backend.core.platform import Platform
from backend.service.identity.identity import make_identity
from backend.service.people.sign_in import SignIn, Stranger
from backend.service.people.throttle import SignInThrottle, wait_s
from tests.postgres import Actor

PASSWORD = "four words apart here"
HOME, ELSEWHERE = (Stranger(address, None, bearer=False) for address in ("192.0.2.1", "192.0.2.9"))


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    assert [wait_s(n) for n in (0, 4, 5, 6, 7, 14, 15, 1000)] == [0, 0, 1, 2, 4, 512, 900, 900]


@pytest.fixture
async def sign_in(
    platform: Platform, database: Database, clock: ManualClock, alice: Actor
) -> SignIn:
    """Alice has a password; tries a minute do not count here."""
    made = SignIn(database, clock, make_identity(platform).second, demo=False)
    made.throttle = SignInThrottle(1000, 1000)
    hashed = await made.passwords.hash(PASSWORD)
    async with database.platform() as tx:
        await tx.execute("UPDATE person SET password_hash = %s WHERE id = %s", (hashed, alice.id))
    return made


async def test_who_guesses_waits_and_the_owner_does_not(
    sign_in: SignIn, clock: ManualClock
) -> None:
    async def wrong(who: Stranger) -> None:
        with pytest.raises(NotSignedIn):
            await sign_in.sign_in("alice", "wrong", who)

    for _ in range(5):
        await wrong(ELSEWHERE)
    with pytest.raises(TooMuch) as waits:
        await sign_in.sign_in("alice", PASSWORD, ELSEWHERE)
    assert waits.value.params == {"retry_after_s": 1}
    # The owner, from where they are, is not held up; nor does it free who guesses.
    await sign_in.sign_in("alice", PASSWORD, HOME)
    await clock.advance(1)
    await wrong(ELSEWHERE)
    with pytest.raises(TooMuch) as waits:
        await sign_in.sign_in("alice", PASSWORD, ELSEWHERE)
    assert waits.value.params == {"retry_after_s": 2}
    await clock.advance(2)
    await sign_in.sign_in("alice", PASSWORD, ELSEWHERE)
    await wrong(ELSEWHERE)
    await sign_in.sign_in("alice", PASSWORD, ELSEWHERE)


async def test_a_host_of_many_addresses_is_one_who_guesses(
    sign_in: SignIn, clock: ManualClock
) -> None:
    """A network of IPv6 has more addresses than anybody counts."""
    hosts = (Stranger(f"2001:db8:1:2::{n:x}", None, bearer=False) for n in range(1, 8))
    for who, _ in zip(hosts, range(5), strict=False):
        with pytest.raises(NotSignedIn):
            await sign_in.sign_in("alice", "wrong", who)
    with pytest.raises(TooMuch):
        await sign_in.sign_in("alice", "wrong", next(hosts))
    sign_in.throttle = SignInThrottle(2, 2)
    await clock.advance(1)
    for _ in range(2):
        await sign_in.throttle.count_from(f"2001:db8:3::{_}")
    with pytest.raises(TooMuch):
        await sign_in.throttle.count_from("2001:db8:3::9")
