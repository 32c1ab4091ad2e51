"""`kilowise-gateway scan|probe`: look for meters on a line, and say which profiles fit them."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.contract.documents import DocumentFault
from gateway.contract.profile import REGISTER_PROTOCOL, Profile
from gateway.contract.profile_file import find_profile, profile_names
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    Line,
    ReportingLine,
    Serial,
    Tcp,
    Unit,
)
from gateway.drivers.registry import find_driver
from gateway.probe import answering, recognise
from gateway.recognise import Fit, Marks

LAST_UNIT = 247
NEAR, ALSO = 0.1, 3
"""How much less evidence further profiles may have to be named, and how many are."""
SCAN = """\
Asks every Modbus unit address of a converter or serial bus and lists those that answer. Nothing is
written to any device. While a gateway reads the same line, stop it first.
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
    add("--host", help="Modbus TCP device or converter")
    add("--port", type=int, default=502, help="its port (%(default)s)")
    add("--serial", metavar="PATH", help="serial port of this machine, instead of --host")
    add("--baud", type=int, default=9600, help="bits a second of the serial bus (%(default)s)")
    add("--parity", choices=["none", "even", "odd"], default="none", help="(%(default)s)")
    add("--framing", help="rtu = RTU frames over TCP")
    add("--timeout", type=float, default=0.3, metavar="S", help="seconds a unit has (%(default)s)")
    add("--units", type=unit_range, default=unit_range("1-247"), help="3, 1-20 or 1,5,7-9 (1-247)")
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
    except (DriverFault, DocumentFault) as fault:
        _say(f"{fault}. Check address, port and cable.", error=True)
        return 1


async def _search(options: argparse.Namespace) -> int:
    profiles = candidates(options.profiles)
    line = _line(options)
    await line.open()
    try:
        found = await answering(line, profiles[0], options.units, _progress(options.units))
        for unit in found:
            if options.command == "scan":
                _say(f"unit {unit} answers")
            else:
                _say("\n".join(describe(unit, await recognise(line, unit, profiles))))
    finally:
        line.close()
    _say(f"{len(found)} of {len(options.units)} units answer")
    return 0 if found else 1


def candidates(folders: Sequence[Path]) -> list[Profile]:
    """Profiles that a device on a Modbus line can have."""
    profiles = [find_profile(name, folders) for name in profile_names(folders)]
    return [profile for profile in profiles if profile.has_registers]


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
    line = find_driver(REGISTER_PROTOCOL)(
        Address(REGISTER_PROTOCOL, link, settings), options.timeout
    )
    if isinstance(line, ReportingLine):
        raise DriverFault("the devices of this driver speak only by themselves")
    return line


def _progress(units: Sequence[int]) -> Callable[[Unit], None]:
    """Shows on a terminal how far a search is."""

    def show(unit: Unit) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\runit {unit} of {units[-1]} ... ")

    return show


def _say(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout, flush=True)
