"""No file of the source opens a network connection that docs/network.md does not list."""

import ast
from collections.abc import Iterator

from backend.main import connections as platform
from gateway import connections as gateway
from tests.architecture.reading import Module, modules

LIBRARIES = {
    "aiohttp", "amqtt", "asyncua", "authlib", "c104", "gmqtt", "http.client", "httpx",
    "psycopg_pool", "requests", "smtplib", "urllib.request",
}  # fmt: skip
CALLS = {
    "connect", "create_connection", "create_datagram_endpoint", "create_server",
    "open_connection", "start_server", "urlopen",
}  # fmt: skip
LISTED = {path for one in (*platform.CONNECTIONS, *gateway.CONNECTIONS) for path in one.opened_by}
NO_NETWORK = {
    "backend/core/certificates.py": "a datagram socket that sends nothing",
    "gateway/journal_file.py": "SQLite",
}
"""Files that look so, and why they open none."""


def opens(module: Module) -> Iterator[str]:
    """The words by which a module could open a connection."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names if _is_library(one.name))
            case ast.ImportFrom(module=str(name)) if _is_library(name):
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
                yield f"{name}()"


def _is_library(name: str) -> bool:
    return name in LIBRARIES or name.partition(".")[0] in LIBRARIES


def test_whoever_opens_a_connection_is_listed() -> None:
    found = {
        module.path: words
        for module in (*modules("backend"), *modules("gateway"))
        if (words := sorted(set(opens(module))))
    }
    known = (*LISTED, *NO_NETWORK)
    missing = {path: words for path, words in found.items() if not path.startswith(known)}
    assert not missing, "give it a row in backend/main/connections.py or gateway/connections.py"
    silent = [one for one in known if not any(path.startswith(one) for path in found)]
    assert not silent, "a row names what opens nothing"


def test_a_planted_connection_is_found() -> None:
    for text in (
        "import httpx",
        "from urllib.request import urlopen",
        "async def f():\n    await asyncio.open_connection('192.0.2.1', 1)",
        "from gmqtt.client import Client",
    ):
        assert list(opens(Module("backend/service/planted.py", text))), text
    assert not list(opens(Module("backend/service/fine.py", "import json\nopen('x')")))
