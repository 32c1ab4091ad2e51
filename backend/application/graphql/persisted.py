"""Operations the app ships: kept by the SHA-256 of their text, so that a client sends only that.

`persisted.json` maps hash -> text; the app's generator writes it (pwa/scripts/operations.js).
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from backend.application.graphql.execution import Engine
from backend.application.graphql.hot import HotList, compile_list
from backend.application.graphql.limits import Prepared
from backend.core.errors import InvalidInput

if TYPE_CHECKING:
    from backend.application.graphql.asked import Asked

HOT = {"Meters"}
"""Names of the app's operations that are asked for so often that they are compiled (hot.py)."""
FILE = Path(__file__).with_name("persisted.json")


@dataclass(frozen=True, slots=True)
class Persisted:
    """The kept operations."""

    texts: dict[str, str] = field(default_factory=dict)
    hot: dict[str, HotList] = field(default_factory=dict)
    """Those that are compiled, by their text."""

    def prepare(self, engine: Engine, asked: "Asked") -> Prepared:
        """Answer the document that was sent, or the kept one that was named."""
        if asked.query:
            return engine.documents.prepare(asked.query)
        kept = asked.extensions.persisted_query if asked.extensions else None
        if kept is None:
            raise InvalidInput("graphql_request", reason="send `query`")
        text = self.texts.get(kept.sha256_hash)
        if text is None:
            raise InvalidInput("persisted_query_not_found", hash=kept.sha256_hash[:64])
        return engine.documents.prepare(text)


def load_persisted(engine: Engine) -> Persisted:
    """Read the committed file; without one nothing is kept."""
    return keep(engine, read_texts())


def read_texts() -> dict[str, str]:
    """Answer the committed texts by their SHA-256; none where the app was never built."""
    found: dict[str, str] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def keep(engine: Engine, texts: dict[str, str]) -> Persisted:
    """Answer operations to keep, those that are hot compiled."""
    found = {text: compile_list(engine.documents.prepare(text)) for text in _named(texts.values())}
    return Persisted(texts, {text: hot for text, hot in found.items() if hot is not None})


def _named(texts: Iterable[str]) -> Iterator[str]:
    names = re.compile(rf"query ({'|'.join(sorted(HOT))})\b")
    return (text for text in texts if names.match(text))
