"""Operations the app ships: kept by the SHA-256 of their text, so that a client sends only that.

`persisted.json` maps hash -> text; the app's generator writes it (pwa/scripts/operations.js).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from backend.application.graphql.execution import Engine
from backend.application.graphql.limits import Prepared
from backend.core.errors import InvalidInput

if TYPE_CHECKING:
    from backend.application.graphql.asked import Asked

FILE = Path(__file__).with_name("persisted.json")


@dataclass(frozen=True, slots=True)
class Persisted:
    """The kept operations."""

    texts: dict[str, str] = field(default_factory=dict)

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


def load_persisted() -> Persisted:
    """Read the committed file; without one nothing is kept."""
    return Persisted(json.loads(FILE.read_text()) if FILE.exists() else {})
