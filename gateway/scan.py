"""`kilowise-gateway scan|probe`: look for meters on a line, and say which profiles fit them."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.contract.documents import DocumentFault
from gateway.contract.profile import REGISTER_PROTOCOL, Profile
from gateway.contract.profile_file import find_profile, profile_names
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    Line,
    LinkDown,
    ReportingLine,
    Serial,
    Tcp,
    Unit,
)
from gateway.drivers.registry import find_driver
from gateway.probe import find_units, recognise
from gateway.recognise import Fit, Marks

LAST_UNIT = 247
NEAR, ALSO = 0.1, 3
"""How much less evidence further profiles may have to be named, and how many are."""
SCAN = """\
Asks the unit addresses of a converter or serial bus and lists those that answer. Nothing is written
to any device. While a gateway reads the same serial bus, stop it first.
"""
PROBE = """\
Finds the units that answer, reads what each profile would read from them and names the profile that
fits best: by the type code or model name where the profile knows one, else by values that can be
what they are said to be (80-300 V, 45-65 Hz, counters that are no garbage). Compare one value with
the display before you trust it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments that both commands have."""
    add = parser.add_argument
    add("--protocol", default=REGISTER_PROTOCOL, help="what the line speaks (%(default)s)")
    add("--host", help="device or converter")
    add("--port", type=int, default=502, help="its port (%(default)s)")
    add("--serial", metavar="PATH", help="serial port of this machine, instead of --host")
    add("--baud", type=int, default=9600, help="bits a second of the serial bus (%(default)s)")
    add("--parity", choices=["none", "even", "odd"], default="none", help="(%(default)s)")
    add("--framing", help="rtu = RTU frames over TCP")
    add("--timeout", type=float, default=0.3, metavar="S", help="seconds a unit has (%(default)s)")
    add("--units", type=unit_range, help="3, 1-20 or 1,5,7-9 (all that can be found)")
    add("--profiles", type=Path, action="append", default=[], metavar="DIR", help="more profiles")


def unit_range(text: str) -> list[int]:
    """Unit addresses from `1-3,7`. ArgumentTypeError when it is none."""
    units: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not (first.isdigit() and (last.isdigit() or "-" not in part)):
            raise argparse.ArgumentTypeError(f"{text}: write 3, 1-20 or 1,5,7-9")
        units.update(range(int(first), int(last or first) + 1))
    if not units or not units <= set(range(1, LAST_UNIT + 1)):
        raise argparse.ArgumentTypeError(f"{text}: unit addresses are 1 to {LAST_UNIT}")
    return sorted(units)


def main(options: argparse.Namespace) -> int:
    """Do what the arguments ask; answers 1 when nothing was found."""
    # Refused registers are what a search is about.
    logging.getLogger("gateway.drivers").setLevel(logging.ERROR)
    try:
        return asyncio.run(_search(options))
    except LinkDown as fault:
        _say(f"{fault}. Check address, port and cable.", error=True)
    except (DriverFault, DocumentFault) as fault:
        _say(f"{fault}.", error=True)
    except KeyboardInterrupt:
        _say("ended", error=True)
    return 1


async def _search(options: argparse.Namespace) -> int:
    profiles = candidates(options.protocol, options.profiles)
    line = _line(options)
    units: list[int] | None = options.units
    await line.open()
    try:
        found = await find_units(line, profiles, units, _progress)
        for unit in found:
            if options.command == "scan":
                _say(f"unit {unit} answers")
            else:
                _say("\n".join(describe(unit, await recognise(line, unit, profiles))))
    finally:
        line.close()
    _say(f"{len(found)} units answer" if units is None else f"{len(found)} of {len(units)} answer")
    return 0 if found else 1


def candidates(protocol: str, folders: Sequence[Path] = ()) -> list[Profile]:
    """Profiles that a device on a line of a protocol can have; DriverFault when there are none."""
    profiles = [find_profile(name, folders) for name in profile_names(folders)]
    found = [profile for profile in profiles if profile.protocol == protocol]
    if not found:
        raise DriverFault(f"no profile speaks {protocol}")
    return found


def describe(unit: Unit, fits: Sequence[Fit]) -> list[str]:
    """Lines about one unit for people."""
    if not fits:
        return [f"unit {unit}: no profile fits; its maker's register list makes a new one"]
    best, *others = fits
    lines = [f"unit {unit}: {_fit(best)}"]
    if best.marks is not Marks.FIT:
        near = [fit for fit in others if fit.share > best.share - NEAR]
        lines += [f"    or {_fit(fit)}" for fit in near[:ALSO]]
    verify = best.profile.point(best.profile.verify.point)
    lines.append(f"    compare {verify.name} ({verify.unit}) with the display")
    return lines


def _fit(fit: Fit) -> str:
    profile = fit.profile
    how = {
        Marks.FIT: "recognised by its mark",
        Marks.SILENT: "its mark does not answer",
    }.get(fit.marks, "by its values")
    points = f"{fit.plausible} of {len(profile.points)} points plausible"
    sure = "" if profile.verified else ", unverified profile"
    return f"{profile.name} ({profile.titles['en']}): {how}, {points}{sure}"


def _line(options: argparse.Namespace) -> Line:
    if bool(options.host) == bool(options.serial):
        raise DriverFault("name either --host or --serial")
    link = (
        Serial(options.serial, options.baud, parity=options.parity)
        if options.serial
        else Tcp(options.host, options.port)
    )
    settings = (("framing", options.framing),) if options.framing else ()
    address = Address(options.protocol, link, settings)
    line = find_driver(options.protocol)(address, options.timeout)
    if isinstance(line, ReportingLine):
        raise DriverFault("the devices of this driver speak only by themselves")
    return line


def _progress(asked: int, total: int, found: Sequence[Unit]) -> None:
    """Shows on a terminal how far a search is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{asked} of {total} units asked, {len(found)} found ... ")


def _say(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout, flush=True)
