"""What every part of REST is, in both languages, by its coordinate.

Docstrings of routes and models are the English; the JSON files beside this one hold the rest
(backend/application/entries.py):

    "GET /nodes/{node}": {"zh-CN": "..."}                            an operation
    "GET /series(width:)": {"en": "...", "zh-CN": "..."}             its parameter
    "NodeAnswer": {"zh-CN": "..."}                                   a body
    "NodeAnswer.parent": {"en": "...", "zh-CN": "..."}               its property

`*.name`, `*(project:)` and `*Page` are common: said wherever nothing else is.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Final, cast

from backend.application.entries import ENGLISH, Entries, Entry, entry_of, read_entries, told

Part = dict[str, object]
FOLDER: Final = Path(__file__).parent
_SENTENCE: Final = re.compile(r"[.;:](?=\s|$)|[。；：]")


@cache
def catalogue() -> Entries:
    """All entries by coordinate, read when the description is first asked for."""
    return read_entries(FOLDER)


def parts(document: Part) -> Iterator[tuple[str, Part]]:
    """Walk operations, parameters, bodies and properties of an OpenAPI document."""
    for path, operations in _named(document["paths"]):
        for method, operation in _named(operations):
            coordinate = f"{method.upper()} {path}"
            yield coordinate, operation
            for parameter in cast("list[Part]", operation.get("parameters", [])):
                yield f"{coordinate}({parameter['name']}:)", parameter
    for name, body in _named(cast("Part", document["components"])["schemas"]):
        yield name, body
        for field, shown in _named(body.get("properties", {})):
            yield f"{name}.{field}", shown


def _named(part: object) -> Iterator[tuple[str, Part]]:
    yield from cast("dict[str, Part]", part).items()


def common_key(coordinate: str) -> str:
    """Answer where a common line may describe it: `*(name:)`, `*.name`, `*Page`."""
    if coordinate.endswith(":)"):
        return f"*({coordinate.rpartition('(')[2]}"
    if coordinate.startswith("Page_") and "." not in coordinate:
        return "*Page"
    return f"*.{coordinate.rpartition('.')[2]}"


def entry(coordinate: str, part: Part) -> Entry:
    """Answer what is said of a part as the code describes it, by language."""
    coded = cast("str | None", part.get("description"))
    return entry_of(catalogue(), coordinate, common_key(coordinate), coded)


def described(document: Part, language: str = ENGLISH) -> Part:
    """Answer the document with everything described in a language.

    An operation's summary is how its description begins.
    """
    shown = deepcopy(document)
    for coordinate, part in parts(shown):
        text = told(entry(coordinate, part), language)
        if text:
            part["description"] = text
        if "operationId" in part:
            part["summary"] = _SENTENCE.split(text, maxsplit=1)[0]
    return shown
