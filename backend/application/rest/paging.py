"""Pages of lists: `first` things after a cursor, and the cursor of the next page.

A cursor is opaque to clients: what the last thing of a page is ordered by, as base64 of JSON.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from backend.core.errors import InvalidInput

Item = TypeVar("Item")
Row = TypeVar("Row")
Key = TypeVar("Key")

MOST = 500
First = Annotated[int, Query(ge=1, le=MOST, description="Things on a page.")]
After = Annotated[
    str | None,
    Query(max_length=500, description="`next` of the page before; without it the first."),
]


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` is null on the last."""

    items: list[Item]
    next: str | None


def cursor(key: object) -> str:
    """Answer the cursor after a thing with this key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_cursor(after: str | None, kind: type[Key]) -> Key | None:
    """Answer the key in a cursor; None without one. InvalidInput for a text that is none."""
    if after is None:
        return None
    try:
        text = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError) as fault:
        raise InvalidInput("cursor") from fault


def page_of(
    rows: Sequence[Row],
    key: Callable[[Row], str],
    shown: Callable[[Row], Item],
    first: int,
    after: str | None,
) -> Page[Item]:
    """Answer a page of a list that is at hand as a whole, each row known by a key of its own.

    InvalidInput where the row of the cursor is gone: the list is to be read anew.
    """
    begin = 0
    last = read_cursor(after, str)
    if last is not None:
        places = {key(row): place for place, row in enumerate(rows)}
        if last not in places:
            raise InvalidInput("cursor")
        begin = places[last] + 1
    part = rows[begin : begin + first]
    more = begin + first < len(rows)
    return Page(items=[shown(row) for row in part], next=cursor(key(part[-1])) if more else None)
