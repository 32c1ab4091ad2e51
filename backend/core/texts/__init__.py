"""The one catalogue of texts, shared with the app: `<locale>.json` beside this file, flat keys.

Parameters stand in braces (`{name}`), plurals are `key.one` and `key.other`. The server stores
codes and parameters only; a text is rendered per recipient, here.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter

LOCALES = ("en", "zh-CN")
_FOLDER = Path(__file__).parent
_FORMATTER = Formatter()


@cache
def catalogue(locale: str) -> Mapping[str, str]:
    """All texts of a locale; English for a locale that we do not have."""
    chosen = locale if locale in LOCALES else "en"
    loaded: dict[str, str] = json.loads((_FOLDER / f"{chosen}.json").read_text("utf-8"))
    return loaded


def number(value: float, decimals: int = 0) -> str:
    """A number as both languages write it: thousands by comma, decimals by point."""
    return f"{value:,.{decimals}f}"


def text(locale: str, key: str, params: Mapping[str, float | int | str] | None = None) -> str:
    """The text of `key` with its parameters filled in; a key that is missing raises KeyError.

    Numbers are written with thousands separators; `count` selects between `.one` and `.other`.
    """
    texts = catalogue(locale)
    given = dict(params or {})
    if key not in texts and "count" in given:
        singular = f"{key}.one"
        key = singular if given["count"] == 1 and singular in texts else f"{key}.other"
    shown = {
        name: number(value, 0 if abs(value) >= 10 or value == int(value) else 1)
        if isinstance(value, int | float)
        else value
        for name, value in given.items()
    }
    return _FORMATTER.vformat(texts[key], (), shown)


def localised(name: Mapping[str, str], locale: str) -> str:
    """The name in the locale, or in whichever language it has."""
    return name.get(locale) or name.get("en") or next(iter(name.values()), "")
