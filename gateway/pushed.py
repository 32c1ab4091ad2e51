"""A configuration document from the platform laid over the gateway's own file.

The file says who the gateway is and where its platform is; a document says what it reads. What a
document may not say is refused, because it could cut the gateway off for good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from gateway.contract.config_parts import read_parts
from gateway.contract.configuration import ConfigDocument
from gateway.contract.documents import Document
from gateway.contract.profile import Profile
from gateway.contract.profile_file import find_profile, parse_profile

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where profiles are looked for: in the document first, then in folders, then the shipped."""

    folders: Sequence[Path] = ()
    given: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Name -> YAML text."""
    _found: dict[str, Profile] = field(default_factory=dict, compare=False, repr=False)
    """A site has many devices of few types: each profile is read once and shared."""

    def find(self, name: str) -> Profile:
        """The profile `vendor/model`; DocumentFault when there is none or it is wrong."""
        if name not in self._found:
            text = self.given.get(name)
            self._found[name] = (
                find_profile(name, self.folders) if text is None else parse_profile(name, text)
            )
        return self._found[name]


def lay_over(local: Document, pushed: ConfigDocument) -> tuple[Document, Mapping[str, str]]:
    """The file's document with a pushed one over it, and the profiles that came along.

    DocumentFault for what a document may not say.
    """
    parts = read_parts(f"configuration {pushed.version}", pushed.text)
    own = local.data if isinstance(local.data, dict) else {}
    merged = {**own, **parts.says}
    if parts.broker is not None:
        merged["mqtt"] = {**(own.get("mqtt") or {}), **parts.broker}
    return Document(parts.document.file, merged, parts.document.lines), parts.profiles
