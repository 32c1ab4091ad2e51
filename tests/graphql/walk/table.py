"""The tables of the walk as rows: who may ask what, and what each kind of caller is answered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from backend.service.people.roles import Permission

FOLDER = Path(__file__).parent
ANYBODY = "anybody"
SIGNED_IN = "signed_in"
READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field, mutation, subscription or route; see the heads of the YAML files."""

    name: str
    may: str = READ
    args: str = ""
    right: str | int = "ok"
    part: str | int = ""
    key: str | int = ""
    out: str | int = ""
    fresh: bool = False
    path: str = ""
    body: dict[str, object] | None = None
    text: str | None = None

    @property
    def permission(self) -> Permission | None:
        """The permission it needs; None for what needs none."""
        return None if self.may in {ANYBODY, SIGNED_IN} else Permission(self.may)


@dataclass(frozen=True, slots=True)
class Table:
    """Everything the walk knows."""

    query: Mapping[str, Row]
    project: Mapping[str, Row]
    mutation: Mapping[str, Row]
    subscription: Mapping[str, Row]
    routes: Mapping[str, Row]
    needs: Mapping[str, Permission]
    args: Mapping[str, str]
    absent: frozenset[str]


def read_table() -> Table:
    """Read the three files."""
    told, done, routes = (_file(name) for name in ("told", "done", "routes"))
    return Table(
        dict(_rows(told["query"])),
        dict(_rows(told["project"])),
        dict(_rows(done["mutation"], part="not_allowed")),
        dict(_rows(done["subscription"])),
        dict(_rows(routes)),
        {name: Permission(word) for name, word in _words(told["needs"]).items()},
        _words(told["args"]),
        msgspec.convert(told["absent"], frozenset[str]),
    )


def _file(name: str) -> Mapping[str, object]:
    loaded: object = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return msgspec.convert(loaded, dict[str, object])


def _words(loaded: object) -> dict[str, str]:
    return msgspec.convert(loaded, dict[str, str])


def _rows(loaded: object, **usual: str) -> Iterator[tuple[str, Row]]:
    for name, row in msgspec.convert(loaded, dict[str, dict[str, object]]).items():
        yield name, msgspec.convert({"name": name, **usual, **row}, Row)
