"""Configuration documents on the wire: JSON in the String metrics `Ext/Config` (NCMD) and
`Ext/ConfigResult` (NDATA through the journal).

The document itself is text in the form of a gateway's configuration file without what makes the
gateway itself (project, node, credential, journal), and with the profiles it needs.
"""

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.contract.json_text import decode_text, encode_text

MAX_CHARACTERS = 500_000
"""Of a document; a broker carries it in one message."""


class ConfigState(StrEnum):
    """What a gateway did with a document."""

    APPLIED = "applied"
    REFUSED = "refused"
    """It is not usable; the gateway goes on with the one before."""
    ROLLED_BACK = "rolled_back"
    """Under it the platform was out of reach; the gateway went back to the one before."""


class ConfigDocument(msgspec.Struct, frozen=True):
    """One version of a gateway's configuration; versions of a gateway count up."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    hash: str
    text: Annotated[str, msgspec.Meta(max_length=MAX_CHARACTERS)]


class ConfigResult(msgspec.Struct, frozen=True):
    """What became of a version; `problems` are sentences with place and remedy."""

    version: int
    hash: str
    state: ConfigState
    at_ms: int
    problems: list[str] = []


class ConfigFault(ValueError):
    """Text from the wire that is no document, or not the one its hash names."""


def text_hash(text: str) -> str:
    """SHA-256 of a document's text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_document(version: int, text: str) -> ConfigDocument:
    """A document with its hash."""
    return ConfigDocument(version, text_hash(text), text)


def encode_document(document: ConfigDocument) -> str:
    """The text of `Ext/Config`."""
    return encode_text(document)


def decode_document(text: str) -> ConfigDocument:
    """The document in the text of `Ext/Config`; ConfigFault when it is none or was changed."""
    document = decode_text(text, ConfigDocument, ConfigFault, "a configuration document")
    if document.hash != text_hash(document.text):
        raise ConfigFault(f"version {document.version} is not what its hash says")
    return document


def encode_config_result(result: ConfigResult) -> str:
    """The text of `Ext/ConfigResult`."""
    return encode_text(result)


def decode_config_result(text: str) -> ConfigResult:
    """The result in the text of `Ext/ConfigResult`; ConfigFault when it is none."""
    return decode_text(text, ConfigResult, ConfigFault, "the result of a configuration")
