"""Colours and pictures of projects: what is kept and what is refused."""

import struct
import zlib

import pytest

from backend.core.errors import InvalidInput
from backend.service.projects.looks import (
    LARGEST_LOGO,
    checked_accent,
    checked_logo,
    contrast_of,
)

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
WEBP = b"RIFF" + struct.pack("<I", 16) + b"WEBPVP8 " + bytes(8)


def png(width: int = 1, filling: int = 0) -> bytes:
    """A PNG of one row; `filling` makes it longer."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(width + 1))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"tEXt", bytes(filling)) if filling else b"")
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


# Contrasts on white by the formula of WCAG 2.2: black 21, white 1, two known pairs.
@pytest.mark.parametrize(
    ("colour", "contrast"),
    [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54), ("#ff0000", 4.0)],
)
def test_contrast_is_that_of_the_guidelines(colour: str, contrast: float) -> None:
    assert round(contrast_of(colour, "#ffffff"), 2) == contrast
    assert contrast_of(colour, "#ffffff") == contrast_of("#ffffff", colour)


def test_a_colour_is_kept_in_small_letters() -> None:
    assert checked_accent(" #0B6F66 ") == "#0b6f66"
    assert checked_accent(None) is None
    assert checked_accent("") is None


@pytest.mark.parametrize(
    ("colour", "code"),
    [
        ("teal", "project_accent"),
        ("#123", "project_accent"),
        ("#767676", "project_accent_pale"),
        ("url(x)", "project_accent"),
    ],
)
def test_no_colour_or_a_pale_one_is_refused(colour: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_accent(colour)
    assert refused.value.error_code == code


def test_png_and_webp_are_told_by_their_bytes() -> None:
    assert checked_logo(png()).media_type == "image/png"
    assert checked_logo(WEBP).media_type == "image/webp"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SVG, "project_logo_kind"),
        (b"", "project_logo_kind"),
        (png()[:-4], "project_logo_kind"),
        # A picture that goes on as a page.
        (png() + b"<script>", "project_logo_kind"),
        (WEBP + b"<script>", "project_logo_kind"),
        (b"GIF89a", "project_logo_kind"),
        (png(filling=LARGEST_LOGO), "project_logo_large"),
    ],
)
def test_anything_else_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_logo(content)
    assert refused.value.error_code == code
