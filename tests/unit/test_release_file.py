"""A release's file from anywhere: a manifest, or the one fault that says it is none."""

import contextlib
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.update import UpdateTextFault, release_manifest
from tests.graphql.releases import a_release

MOST = 10_000


def packed() -> bytes:
    """A release whose parts are compressed."""
    out = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(a_release("1.2.3", wheel=b"wheel" * 100))) as plain,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    return out.getvalue()


PACKED = packed()


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_told_or_does_no_harm(at: int, flip: int) -> None:
    damaged = bytearray(PACKED)
    damaged[at] ^= flip
    with contextlib.suppress(UpdateTextFault):
        assert release_manifest(bytes(damaged), MOST).version == "1.2.3"


def test_every_byte_of_the_packed_wheel_counts() -> None:
    start = PACKED.index(b"kilowise.whl") + len(b"kilowise.whl")
    for at in range(start, start + 12):
        damaged = bytearray(PACKED)
        damaged[at] ^= 0xFF
        with pytest.raises(UpdateTextFault):
            release_manifest(bytes(damaged), MOST)
