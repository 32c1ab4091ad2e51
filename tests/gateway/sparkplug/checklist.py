"""The public checklist as data, and the names under which pytest knows its assertions."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "checklist.txt"


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion: `sides` are those that must hold it (`edge`, `host`)."""

    name: str
    sides: tuple[str, ...]
    strength: str


def read_checklist() -> list[Assertion]:
    """All assertions that concern edge nodes and host applications."""
    found = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, side, strength = line.split()
            found.append(Assertion(name, ("edge", "host") if side == "both" else (side,), strength))
    return found


def name_of(assertion: str) -> str:
    """The part of a test's name that stands for an assertion."""
    return "tck_id_" + assertion.replace("-", "_")


def names(assertions: Iterable[str]) -> list[str]:
    """One name for each."""
    return [name_of(assertion) for assertion in assertions]
