"""Runs every figure, one after the other: `python -m tests.bench [--only NAME ...] [--list]`.

A figure is a module of this folder that prints one JSON object a line: name, value, unit, against,
ratio, reach, ok. Lines come through as they are; everything else goes to stderr. A figure that
fails, says nothing or takes too long is a line with ok=false and why, and the run goes on. The exit
code is 0 even where a figure misses its reach: a benchmark is not a test.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
NO_FIGURES = {
    "__init__",
    "__main__",
    "process",
    "projects",
    "roles",
    "rollup_beside",
    "serial_line",
    "server",
    "thingsboard",
    "year_of_accounts",
}
TOTAL_S, ONE_S, END_S = 1200.0, 180.0, 15.0
"""Seconds for all, for one, and for a stopped one to clean up."""
KEYS = {"name", "value", "unit", "against", "ratio", "reach", "ok"}

Say = Callable[[str], None]


def figures(folder: Path = FOLDER) -> list[str]:
    """The names of the modules that measure, in order."""
    return sorted(file.stem for file in folder.glob("*.py") if file.stem not in NO_FIGURES)


def failed(name: str, why: str) -> str:
    """The line of a figure that could not be taken."""
    empty = dict.fromkeys(("value", "unit", "ratio", "reach"))
    return json.dumps({"name": name, **empty, "against": why, "ok": False})


def measure(name: str, command: Sequence[str], seconds: float, say: Say) -> list[str]:
    """Run one figure; answer its lines. At the end of its time it and its children are stopped."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_hear_ctrl_c,
    ) as process:
        why = ""
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            why, said = f"not done after {seconds:.0f} s", _stop(process)
        except KeyboardInterrupt:
            _stop(process)
            raise
    lines = []
    for line in said.splitlines():
        if is_figure(line):
            lines.append(line)
        elif line.strip():
            say(f"{name}: {line}")
    if not why and process.returncode:
        why = f"ended with {process.returncode}"
    elif not why and not lines:
        why = "printed no figure"
    return [*lines, failed(name, why)] if why else lines


def _hear_ctrl_c() -> None:
    """A shell starts background work with Ctrl-C ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _stop(process: subprocess.Popen[str]) -> str:
    """Ask the figure to end as Ctrl-C does, so that it cleans up; then end what is left of it."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        said, _ = process.communicate(timeout=END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    return said


def is_figure(line: str) -> bool:
    """Whether a line is a figure with all its keys and no other."""
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) == KEYS


def run(names: Sequence[str], say: Say, total_s: float = TOTAL_S) -> None:
    """Measure one after the other within the time for all; print what they answer."""
    ends = time.monotonic() + total_s
    for number, name in enumerate(names, start=1):
        began = time.monotonic()
        say(f"[{number}/{len(names)}] {name} ...")
        left = min(ONE_S, ends - began)
        if left <= 0:
            lines = [failed(name, f"no time left of {total_s:.0f} s")]
        else:
            command = (sys.executable, "-m", f"tests.bench.{name}")
            lines = measure(name, command, left, say)
        for line in lines:
            print(line, flush=True)
        say(f"[{number}/{len(names)}] {name}: {time.monotonic() - began:.0f} s")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    known = figures()
    parser = argparse.ArgumentParser(
        prog="make bench", description="Measure; one JSON object a line on stdout."
    )
    parser.add_argument("--only", action="append", choices=known, metavar="NAME", help=str(known))
    parser.add_argument("--list", action="store_true", help="names of the figures, then end")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(known))
        return
    run(options.only or known, lambda text: print(text, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
