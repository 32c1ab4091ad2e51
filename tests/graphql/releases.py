"""A small release file: its shape is whole, its signature is nobody's."""

import hashlib
import zipfile
from io import BytesIO

import msgspec

from gateway.contract.update import MANIFEST, SIGNATURE, WHEEL, Manifest

WHEN = (2026, 3, 15, 0, 0, 0)


def a_release(version: str, *, wheel: bytes = b"wheel", said: bytes | None = None) -> bytes:
    """The bytes of a release; `said` is the wheel that the manifest speaks of."""
    digest = hashlib.sha256(wheel if said is None else said).hexdigest()
    manifest = msgspec.json.encode(Manifest(version, digest, "1.0"))
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in ((MANIFEST, manifest), (SIGNATURE, b"s" * 64), (WHEEL, wheel)):
            archive.writestr(zipfile.ZipInfo(name, WHEN), content)
    return out.getvalue()
