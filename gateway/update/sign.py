"""Making releases: a key pair once, then a signed file for each wheel."""

import base64
import hashlib
import os
import re
import zipfile
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.contract.update import MANIFEST, SIGNATURE, WHEEL, Manifest
from gateway.messages import WIRE_VERSION
from gateway.update.release import UpdateFault, numbers

_WHEEL = re.compile(r"kilowise-([^-]+)-.*\.whl")


def make_key(file: Path) -> str:
    """Write a fresh private key (PEM, mode 0600); answers the public one for `update.keys`."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UpdateFault(f"{file}: {error.strerror}. Name a file that is not there.") from error
    with os.fdopen(descriptor, "wb") as out:
        out.write(pem)
    return public_key(key)


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(wheel: Path, key_file: Path, out: Path, min_wire: str = WIRE_VERSION) -> str:
    """Write the release of a wheel; answers its version. UpdateFault for what does not fit."""
    named = _WHEEL.fullmatch(wheel.name)
    if named is None:
        raise UpdateFault(f"{wheel.name} is no wheel of kilowise. Build one: pip wheel --no-deps .")
    numbers(named[1])
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        body = wheel.read_bytes()
    except (OSError, ValueError) as error:
        raise UpdateFault(f"cannot sign: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UpdateFault(f"{key_file} is no Ed25519 key. Make one: release key.")
    manifest = Manifest(named[1], hashlib.sha256(body).hexdigest(), min_wire)
    text = msgspec.json.encode(manifest)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, text)
        archive.writestr(SIGNATURE, key.sign(text))
        archive.writestr(WHEEL, body)
    return manifest.version
