"""docs/security.md from docs/asvs.yaml: OWASP ASVS 4.0.3, levels 1 and 2, and its evidence.

Every requirement has a row; what is met names tests that exist and are not skipped, or lines of
files that are still there. Anything else fails `make check`, which prints how many are met, n/a and
open.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs" / "asvs.yaml"
PAGE = ROOT / "docs" / "security.md"
STATES = ("met", "n/a", "open")
CHAPTERS = {
    1: "Architecture",
    2: "Proving who somebody is",
    3: "Sessions",
    4: "Access",
    5: "What comes in and goes out",
    6: "Stored cryptography",
    7: "Errors and logs",
    8: "Data and privacy",
    9: "Connections",
    10: "Malicious code",
    11: "Flows of the business",
    12: "Files",
    13: "Interfaces",
    14: "Configuration",
}
REQUIRED = """
1.1:1-7 1.2:1-4 1.4:1,4,5 1.5:1-4 1.6:1-4 1.7:1,2 1.8:1,2 1.9:1,2 1.10:1 1.11:1,2 1.12:2 1.14:1-6
2.1:1-12 2.2:1-3 2.3:1-3 2.4:1-5 2.5:1-7 2.6:1-3 2.7:1-6 2.8:1-7 2.9:1-3 2.10:1-4
3.1:1 3.2:1-4 3.3:1-4 3.4:1-5 3.5:1-3 3.7:1 4.1:1-3,5 4.2:1,2 4.3:1-3
5.1:1-5 5.2:1-8 5.3:1-10 5.4:1-3 5.5:1-4 6.1:1-3 6.2:1-6 6.3:1,2 6.4:1,2
7.1:1-4 7.2:1,2 7.3:1,3,4 7.4:1-3 8.1:1-4 8.2:1-3 8.3:1-8 9.1:1-3 9.2:1-4 10.2:1,2 10.3:1-3
11.1:1-8 12.1:1-3 12.2:1 12.3:1-6 12.4:1,2 12.5:1,2 12.6:1
13.1:1,3-5 13.2:1-3,5,6 13.3:1,2 13.4:1,2
14.1:1-4 14.2:1-6 14.3:2,3 14.4:1-7 14.5:1-4
"""
"""Section: numbers of the standard's requirements of levels 1 and 2, without deleted ones."""
HEAD = """# Security

How to report a weakness: [SECURITY.md](../SECURITY.md). Which ports and connections there are:
[network.md](network.md). What is brought along: [licences.md](licences.md) and the bill of
materials (`make sbom`).

Below is every requirement of OWASP ASVS 4.0.3 up to level 2, in our own words, with its state and
the evidence: a test that runs, or a line of the source. `make check` fails when a piece of evidence
is gone. The page is made of `docs/asvs.yaml` by `make generate`; nobody outside has judged it.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement: what is asked, how it stands, and by what or why."""

    id: str
    asked: str
    state: str
    by: tuple[str, ...]
    why: str


def required() -> list[str]:
    """The identities of all requirements, in the standard's order."""
    found = []
    for word in REQUIRED.split():
        section, _, numbers = word.partition(":")
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            found += [f"V{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def rows(text: str) -> list[Row]:
    """The rows of the data, as they stand there."""
    loaded: Mapping[str, Mapping[str, object]] = yaml.safe_load(text)
    return [_row(id, told) for id, told in loaded.items()]


def _row(id: str, told: Mapping[str, object]) -> Row:
    by = told.get("by", [])
    if unknown := told.keys() - {"is", "state", "by", "why"}:
        raise ValueError(f"{id}: what is {', '.join(unknown)}?")
    evidence = tuple(str(one) for one in by) if isinstance(by, list) else ()
    return Row(id, str(told["is"]), str(told["state"]), evidence, str(told.get("why", "")))


def findings(found: list[Row]) -> Iterator[str]:
    """What is wrong with the rows."""
    ids = [row.id for row in found]
    if ids != required():
        odd = set(ids) ^ set(required())
        yield f"rows are missing, too many or out of order: {', '.join(sorted(odd)) or 'order'}"
    for row in found:
        if row.state not in STATES:
            yield f"{row.id}: no state is called {row.state}"
        elif bool(row.by) != (row.state == "met") or bool(row.why) == (row.state == "met"):
            yield f"{row.id}: what is met has evidence (`by`), everything else a reason (`why`)"
        yield from (f"{row.id}: {one}: {told}" for one in row.by if (told := dead(one)))


def dead(evidence: str) -> str:
    """Why a piece of evidence is none; empty when it is one."""
    path, test, name = evidence.partition("::")
    if test:
        tests = running_tests(path)
        return "" if name in tests else "no such test runs"
    path, _, text = evidence.partition(": ")
    file = ROOT / path
    if not text or not file.is_file():
        return "no such file"
    return "" if text in file.read_text() else "the file does not say this"


@cache
def running_tests(path: str) -> frozenset[str]:
    """The tests of a file that run: collected by pytest's names, without those to be skipped."""
    file = ROOT / path
    if not file.is_file() or not re.fullmatch(r"test_\w+\.py", file.name):
        return frozenset()
    found = ast.parse(file.read_text()).body
    tests = (one for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(
        one.name for one in tests if one.name.startswith("test_") and not _is_left_out(one)
    )


def _is_left_out(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    marks = [ast.unparse(mark) for mark in test.decorator_list]
    return any("skip" in mark or "xfail" in mark for mark in marks)


def counts(found: list[Row]) -> str:
    """How many rows have which state, as one line."""
    states = Counter(row.state for row in found)
    return ", ".join(f"{states[state]} {state}" for state in STATES) + f" of {len(found)}"


def page(found: list[Row]) -> str:
    """The page."""
    parts = [HEAD, f"**{counts(found)}.**\n"]
    chapter = 0
    for row in found:
        number = int(row.id[1:].partition(".")[0])
        if number != chapter:
            chapter = number
            parts.append(f"\n## {number}. {CHAPTERS[number]}\n")
            parts.append("| id | asked | state | evidence or reason |\n|---|---|---|---|")
        told = ", ".join(f"`{one}`" for one in row.by) if row.by else row.why
        parts.append(
            f"| {row.id} | {row.asked} | {row.state} | {told.replace('|', chr(92) + '|')} |"
        )
    return "\n".join(parts) + "\n"


def main() -> int:
    """`--write` writes the page; without it the evidence is looked at and the states counted."""
    found = rows(DATA.read_text())
    if "--write" in sys.argv:
        PAGE.write_text(page(found))
        return 0
    wrong = list(findings(found))
    print("\n".join([*wrong, f"ASVS 4.0.3 level 2: {counts(found)}"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
