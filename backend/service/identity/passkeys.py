"""Passkeys (W3C Web Authentication, level 3): made by who is signed in, then they sign in alone.

Credentials are discoverable, so nobody types a login, and the device verifies its holder (by
fingerprint, face or PIN), so a passkey is two factors in one. Challenges are steps (`steps.py`):
random, good once, for minutes. A count of uses that did not go up is that of a copied device: it is
kept at the passkey, and that use is refused (level 3, 6.1.1). Of the platforms' synchronised
passkeys the count stays 0, which tells nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from backend.core.ids import new_uuid
from backend.service.identity.personal import note
from backend.service.identity.steps import Kind, Steps
from backend.service.people.asker import Asker
from backend.service.people.sessions import Caller

MOST: Final = 20
LONGEST_NAME: Final = 100
LONGEST_ANSWER: Final = 20_000
LOOPBACK: Final = "localhost"
FAULTS: Final = (WebAuthnException, LookupError, ValueError, TypeError)
"""What the library raises of answers that are none; the last three of keys without their parts."""


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a passkey is for: the host (RP id) and the origin that pages of ours have."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a browser is asked: the step's token, and the options as JSON."""

    step: str
    options: str


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey as its person sees it."""

    uid: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    copied_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Stored:
    credential_id: bytes
    public_key: bytes
    sign_count: int
    person_id: int
    person_uid: UUID


def party(public_url: str | None, origin: str) -> Party:
    """Answer whom passkeys of a page of this origin are for.

    They hang on the public address, or, on this machine itself, on the name localhost. An address
    of digits can have none (level 3, 5.1.3): InvalidInput `passkey_address` says where to go.
    """
    host = urlsplit(origin).hostname or ""
    if host == LOOPBACK or (public_url is not None and origin == public_url and _is_name(host)):
        return Party(host, origin)
    port = urlsplit(origin).port
    usual = f"http://{LOOPBACK}:{port}" if port else f"http://{LOOPBACK}"
    raise InvalidInput("passkey_address", address=public_url or usual)


def _is_name(host: str) -> bool:
    return bool(host) and ":" not in host and not host.replace(".", "").isdigit()


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Makes, takes and lists passkeys."""

    database: Database
    clock: Clock
    steps: Steps

    async def begin_adding(self, caller: Caller, whom: Party) -> Offer:
        """Begin to make a passkey for who is signed in and has just proved who they are."""
        caller.freshly(self.clock.now())
        held = await self._credentials(caller.person_id)
        if len(held) >= MOST:
            raise Conflict("passkeys_most", most=MOST)
        options = generate_registration_options(
            rp_id=whom.id,
            rp_name="Kilowise",
            user_id=caller.uid.bytes,
            user_name=caller.login,
            user_display_name=caller.name.get(caller.locale) or caller.login,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in held],
        )
        step = await self.steps.begin(Kind.ADD_PASSKEY, options.challenge, caller.person_id)
        return Offer(step, options_to_json(options))

    async def add(
        self, caller: Caller, whom: Party, step: str, name: str, answer: str
    ) -> PasskeyRow:
        """Keep the passkey that a browser made; InvalidInput when it does not fit the step."""
        caller.in_person()
        kept = " ".join(name.split())
        if not 1 <= len(kept) <= LONGEST_NAME:
            raise InvalidInput("passkey_name", most=LONGEST_NAME)
        taken = await self.steps.take(Kind.ADD_PASSKEY, step)
        if taken.person_id != caller.person_id:
            raise InvalidInput("step_over")
        made, now = _made(whom, taken.secret, answer), self.clock.now()
        uid = new_uuid(now)
        async with self.database.platform() as tx:
            new = await tx.execute(
                "INSERT INTO passkey (credential_id, uid, person_id, public_key, sign_count, name,"
                " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    made.credential_id,
                    uid,
                    caller.person_id,
                    made.credential_public_key,
                    made.sign_count,
                    kept,
                    now,
                ),
            )
        if not new:
            raise Conflict("passkey_there")
        asker = Asker(caller.person_id, caller.uid)
        await note(self.database, asker, "passkey.add", now, {"name": kept})
        return PasskeyRow(uid, kept, now, None, None)

    async def begin_sign_in(self, whom: Party) -> Offer:
        """Begin to sign in by whichever passkey the browser's person chooses."""
        options = generate_authentication_options(
            rp_id=whom.id, user_verification=UserVerificationRequirement.REQUIRED
        )
        step = await self.steps.begin(Kind.PASSKEY, options.challenge)
        return Offer(step, options_to_json(options))

    async def prove(self, whom: Party, step: str, answer: str, *, demo: bool) -> int:
        """Answer the person whose passkey this is the answer of.

        Raises NotSignedIn `passkey_refused` alike for a passkey that nobody has, a wrong challenge,
        origin or signature; `passkey_copied` when its count of uses went back. `demo`: whether
        people of the demonstration are let in.
        """
        taken = await self.steps.take(Kind.PASSKEY, step)
        given, now = _parsed(answer), self.clock.now()
        async with self.database.platform() as tx:
            stored = await tx.fetch_one(
                "SELECT k.credential_id, k.public_key, k.sign_count, k.person_id,"
                " p.uid AS person_uid FROM passkey k JOIN person p ON p.id = k.person_id"
                " WHERE k.credential_id = %s AND (%s OR NOT p.demo) FOR UPDATE OF k",
                (given.raw_id, demo),
                into=_Stored,
            )
            if stored is None or given.response.user_handle not in {None, stored.person_uid.bytes}:
                raise NotSignedIn("passkey_refused")
            proved = _proved(whom, taken.secret, given, stored)
            copied = max(proved.new_sign_count, stored.sign_count) > 0 and (
                proved.new_sign_count <= stored.sign_count
            )
            await tx.execute(
                "UPDATE passkey SET copied_at = %s WHERE credential_id = %s"
                if copied
                else "UPDATE passkey SET last_used_at = %s, sign_count = %s"
                " WHERE credential_id = %s",
                (now, given.raw_id) if copied else (now, proved.new_sign_count, given.raw_id),
            )
        if copied:
            asker = Asker(stored.person_id, stored.person_uid)
            await note(self.database, asker, "passkey.copy_suspected", now)
            raise NotSignedIn("passkey_copied")
        return stored.person_id

    async def listed(self, person_id: int) -> list[PasskeyRow]:
        """Answer somebody's passkeys, the newest first."""
        async with self.database.platform_read() as tx:
            return await tx.fetch_all(
                "SELECT uid, name, created_at, last_used_at, copied_at FROM passkey"
                " WHERE person_id = %s ORDER BY created_at DESC, name",
                (person_id,),
                into=PasskeyRow,
            )

    async def remove(self, caller: Caller, uid: UUID | None) -> None:
        """Remove one of one's own passkeys; NotFound for any other."""
        now = self.clock.now()
        caller.freshly(now)
        async with self.database.platform() as tx:
            gone = await tx.execute(
                "DELETE FROM passkey WHERE person_id = %s AND uid = %s", (caller.person_id, uid)
            )
        if not gone:
            raise NotFound(kind="passkey")
        await note(self.database, Asker(caller.person_id, caller.uid), "passkey.remove", now)

    async def _credentials(self, person_id: int) -> list[bytes]:
        async with self.database.platform_read() as tx:
            found = await tx.fetch_tuples(
                "SELECT credential_id FROM passkey WHERE person_id = %s", (person_id,)
            )
        return [bytes(row[0]) for row in found]


def _made(whom: Party, challenge: bytes, answer: str) -> VerifiedRegistration:
    try:
        return verify_registration_response(
            credential=_short(answer),
            expected_challenge=challenge,
            expected_rp_id=whom.id,
            expected_origin=whom.origin,
            require_user_verification=True,
        )
    except FAULTS as error:
        raise InvalidInput("passkey_not_made") from error


def _parsed(answer: str) -> AuthenticationCredential:
    try:
        return parse_authentication_credential_json(_short(answer))
    except FAULTS as error:
        raise NotSignedIn("passkey_refused") from error


def _proved(
    whom: Party, challenge: bytes, given: AuthenticationCredential, stored: _Stored
) -> VerifiedAuthentication:
    try:
        return verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=whom.id,
            expected_origin=whom.origin,
            credential_public_key=stored.public_key,
            # The count is judged by `prove`, which keeps what it finds.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except FAULTS as error:
        raise NotSignedIn("passkey_refused") from error


def _short(answer: str) -> str:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    return answer
