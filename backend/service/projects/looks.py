"""What a project looks like: its colour, which must be readable as text, and its picture.

A picture that could run anything (SVG) is refused: PNG and WebP only, told by their first bytes.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput
from backend.service.people.asker import Asker

LARGEST_LOGO: Final = 64 * 1024
"""Bytes."""
LEAST_CONTRAST: Final = 4.5
"""Of text on its background (WCAG 2.2, 1.4.3, level AA)."""
GROUND: Final = "#eef1f4"
"""The darkest light background of the app (`--inset` of pwa/src/app.css)."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is kept."""

    content: bytes
    media_type: str
    sha256: str


def checked_accent(accent: str | None) -> str | None:
    """Answer a colour as it is kept (#rrggbb); InvalidInput for none, or one too pale."""
    if accent is None or not accent.strip():
        return None
    kept = accent.strip().lower()
    if _COLOUR.fullmatch(kept) is None:
        raise InvalidInput("project_accent")
    contrast = contrast_of(kept, GROUND)
    if contrast < LEAST_CONTRAST:
        raise InvalidInput("project_accent_pale", contrast=round(contrast, 1), least=LEAST_CONTRAST)
    return kept


def contrast_of(one: str, other: str) -> float:
    """Answer the contrast ratio (1 to 21) of two colours #rrggbb (WCAG 2.2, definitions)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def checked_logo(content: bytes) -> Logo:
    """Answer a picture as it is kept; InvalidInput for a large one or any other kind of file."""
    if len(content) > LARGEST_LOGO:
        raise InvalidInput("project_logo_large", most_kb=LARGEST_LOGO // 1024)
    media_type = _kind(content)
    if media_type is None:
        raise InvalidInput("project_logo_kind")
    return Logo(content, media_type, hashlib.sha256(content).hexdigest())


async def read_logo(tx: ReadSession, project_id: int) -> Logo | None:
    """Answer the project's picture; None where it has none."""
    return await tx.fetch_one(
        "SELECT content, media_type, sha256 FROM project_logo WHERE project_id = %s",
        (project_id,),
        into=Logo,
    )


async def logo_hash(tx: ReadSession, project_id: int) -> str | None:
    """Answer the SHA-256 of the project's picture, by which it is told from earlier ones."""
    return await tx.fetch_value(
        "SELECT sha256 FROM project_logo WHERE project_id = %s", (project_id,), into=str
    )


async def change_logo(
    tx: WriteSession, project_id: int, logo: Logo | None, asker: Asker, now: datetime
) -> None:
    """Give the project this picture, or none."""
    before, after = await logo_hash(tx, project_id), None if logo is None else logo.sha256
    await tx.execute("DELETE FROM project_logo WHERE project_id = %s", (project_id,))
    if logo is not None:
        await tx.execute(
            "INSERT INTO project_logo (project_id, content, media_type, sha256, changed_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (project_id, logo.content, logo.media_type, logo.sha256, now),
        )
    old, new = {"sha256": before}, {"sha256": after}
    deed = audit.Deed(asker.actor, "project.logo", "", "done", asker.person_id, old, new)
    await audit.record(tx, project_id, deed, now)


def _kind(content: bytes) -> str | None:
    if content.startswith(_PNG) and content.endswith(_PNG_END):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        size = int.from_bytes(content[4:8], "little")
        return "image/webp" if size + 8 == len(content) else None
    return None


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
