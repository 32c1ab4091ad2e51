"""`make check`: every reading of the code that does not run it; one line a step, one exit code.

The steps of Python and those of the app follow each other in two rows, side by side: each keeps one
core busy. Every step prints its line when it ends.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.prefix) / "bin"
PACKAGES = ("backend", "gateway", "scripts", "tests")


@dataclass(frozen=True, slots=True)
class Step:
    """One reading; `remedy` tells what to do when it finds something."""

    name: str
    command: tuple[str, ...]
    remedy: str
    only_with: str = ""
    """A path without which there is nothing to read."""
    tells: bool = False
    """Whether what it says is shown when it finds nothing, too."""


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    """A program of the environment."""
    return (str(BIN / name), *arguments)


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """A module of the environment's Python."""
    return (sys.executable, "-m", name, *arguments)


APP = "pwa/package.json"
STEPS = (
    Step("format", tool("ruff", "format", "--check", "."), ".venv/bin/ruff format ."),
    Step("lint", tool("ruff", "check", "."), "correct it; .venv/bin/ruff check --fix does some"),
    Step("types", tool("mypy"), "type it; `Any` and bare ignores are no answer"),
    Step("walls", module("scripts.walls"), "import downward only (docs/architecture.md)"),
    Step("dependencies", tool("deptry", "backend", "gateway"), "name it in pyproject.toml"),
    Step("hygiene", module("scripts.hygiene"), "take it out of the repository"),
    Step(
        "texts", module("scripts.texts"), "say it in both languages", "backend/core/texts/en.json"
    ),
    Step("licences", module("scripts.licences"), "choose another package"),
    Step(
        "security",
        module("scripts.security"),
        "point docs/asvs.yaml at evidence that is there",
        tells=True,
    ),
    Step("generated", module("scripts.generate", "--check"), "commit what was generated"),
    Step("app format", ("scripts/npm", "run", "format:check"), "scripts/npm run format", APP),
    Step("app lint", ("scripts/npm", "run", "lint"), "correct it", APP),
    Step("app types", ("scripts/npm", "run", "check"), "type it", APP),
    Step(
        "app bytes", ("scripts/npm", "run", "size"), "load less at once (pwa/scripts/size.js)", APP
    ),
)


def passes(step: Step) -> bool:
    """Runs one step; shows what it says only when it fails."""
    if step.only_with and not (ROOT / step.only_with).exists():
        tell(f"check: {step.name:13} nothing to read yet: no {step.only_with}")
        return True
    started = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    said = [f"check: {step.name:13} {verdict} {time.monotonic() - started:.1f} s"]
    if step.tells and done.returncode == 0:
        said.append(done.stdout.strip())
    if done.returncode != 0:
        said.append(f"{done.stdout}\ncheck: {step.name}: {step.remedy}")
    tell(*said)
    return done.returncode == 0


def tell(*lines: str) -> None:
    """Prints what belongs together in one piece: two rows of steps speak at once."""
    print("\n".join((*lines, "")), end="", flush=True)


def in_turn(steps: Iterable[Step]) -> list[bool]:
    """Whether each of them passes, one after the other, also after a failure."""
    return [passes(step) for step in steps]


def side_by_side(steps: Iterable[Step]) -> list[bool]:
    """Whether each of them passes: those of the app beside those of Python."""
    wanted = list(steps)
    rows = [[one for one in wanted if (one.only_with == APP) is app] for app in (False, True)]
    with ThreadPoolExecutor(len(rows)) as pool:
        return [passed for row in pool.map(in_turn, rows) for passed in row]


def main() -> int:
    """All steps or those named, also after a failure."""
    names = sys.argv[1:]
    if names == ["--list"]:
        print("\n".join(step.name for step in STEPS))
        return 0
    unknown = set(names) - {step.name for step in STEPS}
    if unknown:
        print(f"check: no step is called {', '.join(sorted(unknown))}; see --list", file=sys.stderr)
        return 2
    verdicts = side_by_side(step for step in STEPS if not names or step.name in names)
    print(f"check: {verdicts.count(True)} of {len(verdicts)} steps ok")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
