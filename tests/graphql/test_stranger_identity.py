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
    "Query.signInProviders": ["{ signInProviders { slug } }"],
    "Mutation.unlinkIdentity": ['mutation { unlinkIdentity(id: "%(link)s") }'],
    "Mutation.beginSecondFactor": ["mutation { beginSecondFactor { qrSize } }"],
    "Mutation.confirmSecondFactor": ['mutation { confirmSecondFactor(code: "x") }'],
    "Mutation.renewRecoveryCodes": ["mutation { renewRecoveryCodes }"],
    "Mutation.removeSecondFactor": ["mutation { removeSecondFactor }"],
    "Mutation.finishSignIn": ['mutation { finishSignIn(step: "%(step)s", code: "x") { step } }'],
    "Mutation.askSecondFactor": [
        'mutation { askSecondFactor(project: "%(project)s", role: "auditor", asked: false)'
        " { slug } }"
    ],
    "Mutation.resetSecondFactor": [
        f'mutation {{ resetSecondFactor(project: "%({project})s", person: "%(person)s") }}'
        for project in ("project", "own")
    ],
    "Mutation.changePassword": ['mutation { changePassword(current: "x", wanted: "y") }'],
    "Mutation.proveByPassword": ['mutation { proveByPassword(password: "x") }'],
    "Mutation.proveByPasskey": [f"mutation {{ proveByPasskey({STEP}) }}"],
}


@pytest.fixture
async def hers(platform: Platform, alice: Actor) -> dict[str, str]:
    """Alice, her project, passkey, second factor and identity elsewhere."""
    uid, link = new_uuid(NOW), new_uuid(NOW)
    async with platform.database.platform() as tx:
        await tx.execute(
            "INSERT INTO passkey (credential_id, uid, person_id, public_key, sign_count, name,"
            " created_at) VALUES ('x', %s, %s, 'x', 0, 'x', %s)",
            (uid, alice.id, NOW),
        )
        await tx.execute(
            "INSERT INTO second_factor (person_id, sealed, created_at, confirmed_at)"
            " VALUES (%s, 'x', %s, %s)",
            (alice.id, NOW, NOW),
        )
        await tx.execute(
            "INSERT INTO linked_identity (provider, subject, uid, person_id, shown, created_at)"
            " VALUES ('x', 'x', %s, %s, 'x', %s)",
            (link, alice.id, NOW),
        )
    # Whoever holds a step may answer it: nobody guesses one.
    return {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "person": alice.text,
        "passkey": encode_id("psk", uid),
        "link": encode_id("lnk", link),
        "step": "x" * 43,
    }


async def test_the_stranger_learns_and_changes_nothing(
    learns_nothing: LearnsNothing, hers: dict[str, str]
) -> None:
    await learns_nothing(QUESTIONS, hers, nothing_like(hers))
