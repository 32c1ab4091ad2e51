"""What stands in the cells of a meter list, read exactly. Pure."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from backend.service.imports.cells import BadCell, number, text
from backend.service.imports.sheet import Cell
from backend.service.meter_list.columns import PLAIN, Listed, Places, Value, listed, tree_of

LONGEST: Final = 200
SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_YES: Final = frozenset({"yes", "true", "end", "1", "是", "停用"})
_NO: Final = frozenset({"no", "false", "0", "否"})
MOST_PORT: Final = 65_535
MOST_UNIT: Final = 65_535
"""The largest unit that is a number (IEC 104); longer ones are names of digits."""


def read_cell(name: str, cell: Cell) -> Value | Places:
    """Answer a field's value; None where nothing is written. Raises BadCell."""
    if tree_of(name) is not None:
        return _places(cell)
    return _READ.get(name, _words)(cell)


def overlay(base: Listed, written: Mapping[str, Value | Places]) -> Listed:
    """Answer a row as it is to be: what is written over what is known."""
    plain = {name: value for name, value in written.items() if tree_of(name) is None}
    trees = {
        tree: value
        for name, value in written.items()
        if (tree := tree_of(name)) is not None and isinstance(value, tuple)
    }
    known = {name: base.told(name) for name in PLAIN}
    return listed({**known, **plain, "places": {**base.places, **trees}})


def _words(cell: Cell) -> str | None:
    found = text(cell)
    if found is not None and (len(found) > LONGEST or not found.isprintable()):
        raise BadCell("meter_list_text", {"most": LONGEST})
    return found


def _slug(cell: Cell) -> str | None:
    found = _words(cell)
    if found is not None and SLUG.fullmatch(found) is None:
        raise BadCell("meter_list_slug", {})
    return found


def _unit(cell: Cell) -> int | str | None:
    """A whole number as one; whatever else is written as a text: the digits of DL/T 645."""
    found = _words(cell)
    if found is None or not (found.isascii() and found.isdigit()) or found.startswith("0"):
        return found
    return int(found) if int(found) <= MOST_UNIT else found


def _port(cell: Cell) -> int | None:
    return _whole(cell, 1, MOST_PORT)


def _level(cell: Cell) -> int:
    found = _whole(cell, 1, 3)
    return 3 if found is None else found


def _whole(cell: Cell, least: int, most: int) -> int | None:
    found = number(cell, comma=False)
    if found is None:
        return None
    if found != found.to_integral_value() or not least <= found <= most:
        raise BadCell("meter_list_whole", {"least": least, "most": most})
    return int(found)


def _ratio(cell: Cell) -> Decimal | None:
    """80, or 400/5 as it stands on the transformer."""
    written = text(cell)
    if written is not None and written.count("/") == 1:
        above, below = (number(part.strip(), comma=False) for part in written.split("/"))
        if not above or not below:
            raise BadCell("meter_list_ratio", {})
        found: Decimal | None = above / below
    else:
        found = number(cell, comma=False)
    if found is not None and not 0 < found < 10**6:
        raise BadCell("meter_list_ratio", {})
    return None if found is None else found.normalize()


def _yes(cell: Cell) -> bool:
    if cell is None or isinstance(cell, bool):
        return bool(cell)
    found = (text(cell) or "").strip().lower()
    if found not in _YES | _NO:
        raise BadCell("meter_list_yes", {})
    return found in _YES


def _places(cell: Cell) -> Places:
    """`a; b*0.4`: slugs of nodes, each with its coefficient."""
    found: dict[str, Decimal] = {}
    for part in re.split("[;；]", text(cell) or ""):
        slug, _, factor = part.strip().partition("*")
        if not part.strip():
            continue
        try:
            share = Decimal(factor.strip() or "1")
        except InvalidOperation:
            raise BadCell("meter_list_places", {}) from None
        if slug.strip() in found or not share.is_finite():
            raise BadCell("meter_list_places", {})
        found[slug.strip()] = share
    return tuple(sorted(found.items()))


_READ: Final[Mapping[str, Callable[[Cell], Value]]] = {
    "gateway": _slug,
    "device": _slug,
    "level": _level,
    "port": _port,
    "unit": _unit,
    "ct": _ratio,
    "pt": _ratio,
    "end": _yes,
}
