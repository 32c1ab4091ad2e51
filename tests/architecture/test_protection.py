"""docs/protection.md against the code: every class, key and border has its row."""

import re
from pathlib import Path

from backend.acquisition import authority_store, credentials
from backend.core import seal
from backend.core.settings import Settings
from backend.main import connections as platform
from backend.service.people import first_start
from backend.service.people.personal import Protection
from gateway import connections as gateway
from tests.architecture.reading import modules

PAGE = Path("docs/protection.md").read_text(encoding="utf-8")
FILES = {
    seal.FILE, credentials.SECRET_FILE, credentials.SERVER_FILE, Settings().passwords_file.name,
    "server.key", "ca.key",
}  # fmt: skip


def rows(section: str) -> set[str]:
    """What the first column of a section's table names."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\| `(\S+)` \|", text, re.MULTILINE))


def test_every_border_has_its_threats() -> None:
    borders = {one.name for one in (*platform.CONNECTIONS, *gateway.CONNECTIONS)}
    assert rows("Threats") == borders


def test_every_key_has_its_policy() -> None:
    in_table = {authority_store.KEY, "vapid", first_start.KEY}
    assert rows("Keys") == in_table | FILES
    writers = {module.path for module in modules("backend") if "INTO platform_key" in module.text}
    assert writers == {
        "backend/acquisition/authority_store.py",
        "backend/service/notify/vapid.py",
        "backend/service/people/first_start.py",
    }, "a key of its own has a row in docs/protection.md"


def test_every_class_has_its_rule() -> None:
    assert rows("Classes") == {one.value for one in Protection} | {"figures"}
