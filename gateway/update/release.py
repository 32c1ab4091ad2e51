"""A release: one file with a wheel and a manifest that is signed with Ed25519.

The file is a zip of `manifest.json`, `manifest.sig` (64 bytes over the manifest as it stands) and
the wheel that the manifest names by SHA-256. Nothing of it is believed before the signature is.
"""

import base64
import binascii
import hashlib
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import msgspec

from gateway.contract.update import MANIFEST, SIGNATURE, WHEEL, Manifest

MAX_BYTES = 64_000_000
"""Of a release's file."""
MAX_UNPACKED = 256_000_000
DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError)
"""What a damaged, encrypted or foreign file raises, wherever its first bad byte is."""
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}")


class UpdateFault(Exception):
    """An update that is not done; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release whose signature and hash were checked."""

    version: str
    min_wire: str
    wheel: bytes


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers that compare; UpdateFault for one that is none."""
    if not _VERSION.fullmatch(version):
        raise UpdateFault(f"{version!r} is no version of a release. Write for example 1.4.0.")
    return tuple(int(part) for part in version.split("."))


def read_release(file: Path, keys: Sequence[str]) -> Release:
    """Check a file against the public keys (base64); UpdateFault when it is not to be believed."""
    if not keys:
        raise UpdateFault("no key is configured. Add update.keys to the gateway's configuration.")
    try:
        manifest_text, signature, wheel = _parts(file)
    except (OSError, *DAMAGE) as error:
        raise UpdateFault(f"{file} is not a whole release ({error}). Fetch it again.") from error
    if not any(_is_signed(manifest_text, signature, key) for key in keys):
        raise UpdateFault(f"{file} is not signed by any of update.keys. It is not installed.")
    try:
        manifest = msgspec.json.decode(manifest_text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise UpdateFault(f"{file}: the manifest cannot be read: {error}.") from error
    numbers(manifest.version)
    if hashlib.sha256(wheel).hexdigest() != manifest.sha256:
        raise UpdateFault(f"{file}: the wheel is not the one that was signed. Fetch it again.")
    return Release(manifest.version, manifest.min_wire, wheel)


def unpack(release: Release, folder: Path) -> None:
    """Lay the wheel's files into a folder; UpdateFault for one that reaches out of it."""
    try:
        with zipfile.ZipFile(BytesIO(release.wheel)) as archive:
            if sum(one.file_size for one in archive.infolist()) > MAX_UNPACKED:
                raise UpdateFault(f"release {release.version} is too large when unpacked.")
            for one in archive.infolist():
                target = (folder / one.filename).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise UpdateFault(f"release {release.version} reaches out of its folder.")
            archive.extractall(folder)
    except DAMAGE as error:
        raise UpdateFault(f"release {release.version}: no wheel is in it ({error}).") from error


def _parts(file: Path) -> tuple[bytes, bytes, bytes]:
    if file.stat().st_size > MAX_BYTES:
        raise RuntimeError("too large")
    with zipfile.ZipFile(file) as archive:
        if any(archive.getinfo(name).file_size > MAX_BYTES for name in (MANIFEST, WHEEL)):
            raise RuntimeError("too large")
        return archive.read(MANIFEST), archive.read(SIGNATURE), archive.read(WHEEL)


def _is_signed(text: bytes, signature: bytes, key: str) -> bool:
    # The library costs 10 MB of memory, so only the command that installs loads it.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(signature, text)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
