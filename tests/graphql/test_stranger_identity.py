"""The stranger asks by what somebody else signs in, and tries to change it."""

import pytest

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import NOW, Actor

STEP = 'step: "%(step)s", answer: "{}"'
QUESTIONS: dict[str, list[str]] = {
    "Mutation.beginPasskey": ["mutation { beginPasskey { step } }"],
    "Mutation.addPasskey": [f'mutation {{ addPasskey({STEP}, name: "x") {{ name }} }}'],
    "Mutation.removePasskey": ['mutation { removePasskey(id: "%(passkey)s") }'],
    "Mutation.beginPasskeySignIn": ["mutation { beginPasskeySignIn { step } }"],
    "Mutation.signInByPasskey": [f"mutation {{ signInByPasskey({STEP}) {{ viewer {{ demo }} }} }}"],
    "Mutation.proveByPassword": ['mutation { proveByPassword(password: "x") }'],
    "Mutation.proveByPasskey": [f"mutation {{ proveByPasskey({STEP}) }}"],
}


@pytest.fixture
async def hers(platform: Platform, alice: Actor) -> dict[str, str]:
    """Alice's passkey."""
    uid = new_uuid(NOW)
    async with platform.database.platform() as tx:
        await tx.execute(
            "INSERT INTO passkey (credential_id, uid, person_id, public_key, sign_count, name,"
            " created_at) VALUES ('x', %s, %s, 'x', 0, 'x', %s)",
            (uid, alice.id, NOW),
        )
    # Whoever holds a step may answer it: nobody guesses one.
    return {"passkey": encode_id("psk", uid), "step": "x" * 43}


async def test_the_stranger_learns_and_changes_nothing(
    learns_nothing: LearnsNothing, hers: dict[str, str]
) -> None:
    await learns_nothing(QUESTIONS, hers, nothing_like(hers))
