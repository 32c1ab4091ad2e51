"""Names in both languages, as the schema tells them."""

from collections.abc import Mapping

import strawberry


@strawberry.type
class Name:
    """A name in both languages; `zh` falls back to `en` and the other way round."""

    en: str
    zh: str

    @classmethod
    def of(cls, stored: Mapping[str, str] | None, fallback: str = "") -> "Name":
        """Answer a stored name `{"en": ..., "zh-CN": ...}`; `fallback` where it is empty."""
        stored = stored or {}
        en = stored.get("en") or stored.get("zh-CN") or fallback
        return cls(en=en, zh=stored.get("zh-CN") or en)
