"""`make test`: all parts in order, each with its time against its budget; one exit code.

A budget is printed, never a reason to fail: the verdict does not hang on a clock.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts import programs

ROOT = Path(__file__).resolve().parent.parent
NOTHING_COLLECTED = 5
CORES = 2


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of tests (or a command of the app) and the seconds it should take on two cores."""

    name: str
    budget_s: int
    paths: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workers: int = 1
    """How many of its tests run beside each other on two cores: two where they only compute, more
    where they wait for databases, brokers and lines."""


PARTS = (
    Part("unit", 45, ("tests/unit",), workers=3),
    Part("architecture", 15, ("tests/architecture",), workers=2),
    Part("app", 15, command=("scripts/npm", "run", "test")),
    Part("gateway", 100, ("tests/gateway",), workers=5),
    Part("backend", 170, ("tests/backend",), workers=3),
    Part("graphql", 200, ("tests/graphql",), workers=3),
    Part("packaging", 20, ("tests/packaging",)),
    Part("e2e", 290, ("tests/e2e",)),
    Part("faults", 150, ("tests/faults",), workers=2),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a part went."""

    part: Part
    outcome: str
    took_s: float

    @property
    def failed(self) -> bool:
        """Whether the whole run fails with it."""
        return self.outcome == "FAILED"

    def __str__(self) -> str:
        over = "  over budget" if self.took_s > self.part.budget_s else ""
        return (
            f"test: {self.part.name:13} {self.outcome:8}"
            f"{self.took_s:7.1f} s of {self.part.budget_s:4} s{over}"
        )


def command_of(part: Part) -> tuple[str, ...]:
    """What runs the part; neighbours stay at one worker, so that they share what is set up once."""
    several = part.workers > 1 and (os.cpu_count() or 1) >= CORES
    workers = ("-n", str(part.workers), "--dist", "worksteal") if several else ()
    pytest = (sys.executable, "-m", "pytest", "--durations=5", "-q", *workers)
    return part.command or (*pytest, *part.paths)


def empty(part: Part) -> bool:
    """Whether there is nothing to run: no test files, or no app yet."""
    if part.command:
        return not (ROOT / "pwa" / "package.json").is_file()
    return not any(any((ROOT / path).rglob("test_*.py")) for path in part.paths)


def run(part: Part) -> Verdict:
    """Runs one part in the repository's root without standard input."""
    if empty(part):
        return Verdict(part, "no tests", 0.0)
    print(f"\ntest: {part.name}", flush=True)
    started = time.monotonic()
    done = subprocess.run(command_of(part), cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    outcome = "FAILED" if done.returncode else "passed"
    if done.returncode == NOTHING_COLLECTED and not part.command:
        outcome = "no tests"
    return Verdict(part, outcome, time.monotonic() - started)


def main() -> int:
    """All parts, or those named."""
    names = sys.argv[1:]
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        known = ", ".join(part.name for part in PARTS)
        print(f"test: no part {', '.join(sorted(unknown))}; there are {known}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    missing = programs.provide()
    verdicts = [run(part) for part in PARTS if not names or part.name in names]
    print("\n" + "\n".join(str(verdict) for verdict in verdicts))
    total = sum(verdict.took_s for verdict in verdicts)
    failed = any(verdict.failed for verdict in verdicts)
    budget = sum(verdict.part.budget_s for verdict in verdicts)
    print(f"test: total         {'FAILED' if failed else 'passed':8}{total:7.1f} s of {budget:4} s")
    if missing:
        print(programs.sentence(missing))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
