"""Descriptions of an interface in both languages: a folder of JSON files, a file a topic.

A line is an element by its coordinate: `"Alarm.raisedAt": {"en": "...", "zh-CN": "..."}`. Where the
code itself has the English, the line has the Chinese alone. A common line (`*.createdAt`) says what
elements of that name are wherever nothing else is said.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from backend.core.texts import LOCALES

Entry = Mapping[str, str]
Entries = Mapping[str, Entry]
ENGLISH: Final = LOCALES[0]


def read_entries(folder: Path) -> Entries:
    """Read all entries of a folder; a coordinate that stands in it twice is a ValueError."""
    found: dict[str, Entry] = {}
    for file in sorted(folder.glob("*.json")):
        pairs: list[tuple[str, Entry]] = json.loads(
            file.read_bytes(), object_pairs_hook=_entry_or_pairs
        )
        for coordinate, entry in pairs:
            if coordinate in found:
                raise ValueError(f"{file.name}: {coordinate} is described twice")
            found[coordinate] = entry
    return found


def _entry_or_pairs(pairs: list[tuple[str, object]]) -> object:
    """Keep a file as its pairs, so that a coordinate that stands in it twice is seen."""
    return dict(pairs) if all(isinstance(value, str) for _, value in pairs) else pairs


def entry_of(entries: Entries, coordinate: str, common: str, coded: str | None) -> Entry:
    """Answer what is said of an element; `coded` is its English in the code, if any.

    A common text stands for English in the code only where it says the very same.
    """
    own, shared = entries.get(coordinate), entries.get(common, {})
    if coded is None:
        return own or shared
    if own is None and shared.get(ENGLISH) == coded:
        return shared
    return {ENGLISH: coded, **(own or {})}


def told(entry: Entry, language: str) -> str:
    """Answer the text in a language, in English where it has none; empty where nothing is said."""
    return entry.get(language) or entry.get(ENGLISH, "")
