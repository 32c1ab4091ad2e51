"""`make faults`: random faults on the whole product; last line `N faults, 0 lost, 0 duplicated`.

`python -m tests.faults [--seed N] [--faults N]`. The same seed gives the same faults with the same
pauses. Exit code 1 when a reading was lost, doubled or out of order, or the product did not
recover.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.campaign import legs, run_leg

MOST = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, let the faults happen, tell the verdict."""
    parser = argparse.ArgumentParser(
        prog="make faults", description="Random faults on the whole product under load."
    )
    parser.add_argument("--seed", type=int, help="what decides all chance (a new one)")
    parser.add_argument("--faults", type=_count, default=100, metavar="N", help="how many (100)")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(100_000) if options.seed is None else options.seed
    began = time.monotonic()
    _say(f"faults: seed {seed}; the same again: scripts/faults --seed {seed}")
    lost = doubled = disordered = 0
    recovered = True
    with tempfile.TemporaryDirectory(prefix="kw-faults-") as folder:
        Path(folder).chmod(0o755)
        for number, leg in enumerate(legs(seed, options.faults)):
            if not leg.faults:
                continue
            try:
                found = run_leg(Path(folder) / str(number), leg, _say)
            except AssertionError as error:
                _say(f"{leg.name}: the product did not recover: {error}")
                recovered = False
                continue
            _say(f"{leg.name}: {found}")
            lost += len(found.lost)
            doubled += len(found.doubled)
            disordered += len(found.disordered)
    _say(f"faults: {time.monotonic() - began:.0f} s")
    more = f", {disordered} points out of order" if disordered else ""
    more += "" if recovered else ", not recovered"
    _say(f"{options.faults} faults, {lost} lost, {doubled} duplicated{more}")
    return 1 if lost or doubled or more else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {MOST}")
    return number


if __name__ == "__main__":
    sys.exit(main())
