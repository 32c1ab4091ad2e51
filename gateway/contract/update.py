"""Software updates that a person asks for on the platform: JSON in the String metrics `Ext/Update`
(NCMD) and `Ext/UpdateResult` (NDATA through the journal), and the file of a release.

The release itself does not travel over MQTT: the gateway fetches it by https from the platform it
enrolled at, believes nothing of it before the signature fits a key of its own configuration, and
says before and after the trial what came of it. Times are UTC milliseconds of the platform's clock.
"""

import hashlib
from enum import StrEnum
from io import BytesIO
from typing import Annotated

import msgspec

from gateway.contract.json_text import decode_text, encode_text

RELEASES_PATH = "/api/v1/gateway-releases"
"""GET `<path>/<project>/<command>/<sha256>` answers the release of an update that is under way."""
MANIFEST, SIGNATURE, WHEEL = "manifest.json", "manifest.sig", "kilowise.whl"
MAX_MANIFEST = 10_000
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=200)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^\d{1,6}(\.\d{1,6}){0,3}$")]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a release says of itself."""

    version: str
    sha256: str
    """Of the wheel."""
    min_wire: str
    """The oldest version of our extension (`Ext/Wire`) that the platform must speak."""


class UpdateState(StrEnum):
    """How far an update is; all but the first are final."""

    ACCEPTED = "accepted"
    """The gateway fetches it, then tries it out."""
    REFUSED = "refused"
    """Not tried: the code says why."""
    FAILED = "failed"
    """It could not be fetched or installed; what ran goes on."""
    KEPT = "kept"
    """It proved itself and runs."""
    ROLLED_BACK = "rolled_back"
    """It did not prove itself; what ran before runs again."""


FINAL = frozenset(UpdateState) - {UpdateState.ACCEPTED}


class UpdateCode(StrEnum):
    """Why; texts under `updates.code.<value>`."""

    DONE = "done"
    LATE = "late"
    BUSY = "busy"
    """Another update is under way."""
    NO_KEYS = "no_keys"
    """The gateway's own file names no key that releases may be signed with."""
    NOT_ENROLLED = "not_enrolled"
    """The gateway knows no platform to fetch from: it was not enrolled by a code."""
    NOT_SUPERVISED = "not_supervised"
    """Nobody would watch the new version: the gateway runs without `supervise`."""
    RUNS_ALREADY = "runs_already"
    NOT_INSTALLED = "not_installed"
    """`detail` has the sentence."""
    INTERRUPTED = "interrupted"
    """The gateway ended before it was installed."""
    NOT_HEALTHY = "not_healthy"
    """`detail` says what the watch saw."""


class Update(msgspec.Struct, frozen=True):
    """Fetch this release, install it and try it out."""

    id: Id
    version: Version
    sha256: Digest
    """Of the release's file."""
    not_after_ms: int
    actor: Text


class UpdateResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an update is; `before` ran when it was asked, `now` runs when this is said."""

    id: Id
    state: UpdateState
    code: str
    at_ms: int
    actor: str
    before: str = ""
    now: str = ""
    detail: str = ""


class UpdateTextFault(ValueError):
    """Text from the wire that is neither, or a file that is no release."""


def encode_update(what: Update | UpdateResult) -> str:
    """The text of a metric."""
    return encode_text(what)


def decode_update(text: str) -> Update:
    """The update in the text of `Ext/Update`; UpdateTextFault when it is none."""
    return decode_text(text, Update, UpdateTextFault, "an update")


def decode_update_result(text: str) -> UpdateResult:
    """The result in the text of `Ext/UpdateResult`; UpdateTextFault when it is none."""
    return decode_text(text, UpdateResult, UpdateTextFault, "an update's result")


def release_manifest(content: bytes, most: int) -> Manifest:
    """What a release's file says of itself, its wheel compared with its hash, at most `most` bytes.

    UpdateTextFault for a file that is none. Whether the signature is good is for those who have the
    keys: the gateways.
    """
    # A gateway that runs needs none of it.
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            sizes = {one.filename: one.file_size for one in archive.infolist()}
            if sizes.get(MANIFEST, 0) > MAX_MANIFEST or sizes.get(WHEEL, 0) > most:
                raise UpdateTextFault("too large")
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            signed = len(archive.read(SIGNATURE)) > 0
            whole = hashlib.sha256(archive.read(WHEEL)).hexdigest() == manifest.sha256
        msgspec.convert(manifest.version, Version)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError,
            msgspec.MsgspecError) as error:  # fmt: skip
        # KeyError: a part is missing; RuntimeError: encrypted, or packed in a way unknown here.
        raise UpdateTextFault(f"not a release: {error}") from error
    if not (signed and whole):
        raise UpdateTextFault("the wheel is not the one that was signed")
    return manifest
