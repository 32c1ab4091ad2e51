"""`kilowise-gateway profile check|show|simulate`: device profiles for people."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from gateway.contract.clock import SystemClock
from gateway.contract.documents import DocumentFault
from gateway.contract.profile import Point, Profile
from gateway.contract.profile_file import find_profile, load_profile, profile_names
from gateway.plan import Limits, plan_requests

DESCRIPTION = """\
A device profile is one YAML file <vendor>/<model>.yaml that says where a type of meter keeps its
values. `check` reads files or folders and their own samples; `show` lists what is read and with
which requests; `simulate` is such a device on a port of this machine.
"""
SUFFIXES = (".yaml", ".yml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, many, text in (
        ("check", "+", "read profile files and decode their samples; exit 1 when one is wrong"),
        ("show", "*", "list points and requests; without a name, all known profiles"),
        ("simulate", None, "answer over Modbus TCP as such a device does"),
    ):
        part = verbs.add_parser(verb, help=text, description=text)
        part.add_argument(
            "names" if many else "name",
            nargs=many,
            metavar="PROFILE",
            help="a file, a folder (check), or vendor/model of a shipped profile",
        )
    part.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    part.add_argument("--port", type=int, default=5502, help="port, 0 = any (%(default)s)")
    part.add_argument("--unit", type=int, default=1, help="unit address (%(default)s)")
    part.add_argument(
        "--ramp", action="store_true", help="let values move: gauges up and down, registers up"
    )


def main(options: argparse.Namespace) -> int:
    """Do what the arguments ask; answers the exit code."""
    if options.verb == "check":
        return check(options.names)
    return show(options.names) if options.verb == "show" else simulate(options)


def check(names: Sequence[str]) -> int:
    """Say of each profile whether it can be used; answers 1 when one cannot."""
    wrong = 0
    for name in _files(names):
        try:
            profile = _find(name)
        except DocumentFault as fault:
            wrong = 1
            _say(str(fault), sys.stderr)
        else:
            sure = "verified" if profile.verified else "not verified yet"
            sample = "sample decodes" if profile.has_registers else "sample complete"
            _say(f"{profile.name}: {len(profile.points)} points, {sample}, {sure}")
    return wrong


def show(names: Sequence[str]) -> int:
    """List the known profiles, or the points and requests of the named ones."""
    if not names:
        for known in profile_names():
            profile = find_profile(known)
            _say(f"{known:32} {profile.titles['en']} / {profile.titles['zh-CN']}")
        return 0
    try:
        for name in names:
            _show(_find(name))
    except DocumentFault as fault:
        _say(str(fault), sys.stderr)
        return 1
    return 0


def simulate(options: argparse.Namespace) -> int:
    """Answer as a device of a profile until Ctrl-C."""
    # The simulator's code is loaded only by those who ask for it.
    from gateway.simulator.sample_device import SampleDevice, serve_sample

    try:
        profile = _find(options.name)
    except DocumentFault as fault:
        _say(str(fault), sys.stderr)
        return 1
    if not profile.has_registers:
        _say(f"{profile.name} speaks {profile.protocol}: only registers can be served", sys.stderr)
        return 1
    clock = SystemClock()
    start = clock.monotonic()
    device = SampleDevice(profile, lambda: clock.monotonic() - start, options.ramp)
    try:
        asyncio.run(serve_sample(device, options.host, options.port, options.unit))
    except OSError as error:
        _say(f"{error}. Name another by --port.", sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _files(names: Sequence[str]) -> Iterator[str]:
    """Names and files as they are; a folder stands for all profile files below it."""
    for name in names:
        below = sorted(str(file) for file in Path(name).rglob("*") if file.suffix in SUFFIXES)
        yield from below or [name]


def _find(name: str) -> Profile:
    return load_profile(Path(name)) if name.endswith(SUFFIXES) else find_profile(name)


def _show(profile: Profile) -> None:
    _say(f"{profile.name}: {profile.maker} {profile.type} {profile.version}")
    _say(f"  {profile.titles['en']} / {profile.titles['zh-CN']}")
    _say(
        f"  addresses: {profile.source} ({'verified' if profile.verified else 'not verified yet'})"
    )
    _say(f"  SHA-256 {profile.hash}")
    if not profile.has_registers:
        for point in profile.points:
            _say(f"    {point.item:12} {_meaning(point)}")
        return
    for request in plan_requests(profile.points, Limits.of(profile)):
        block = request.block
        _say(f"  read {block.count} registers from {block.start} with function {block.fc}:")
        for point in request.points:
            _say(f"    {point.address:#06x} {_meaning(point)}")


def _meaning(point: Point) -> str:
    ratio = f" x {point.ratio}" if point.ratio != "none" else ""
    scale = f"x {float(point.scale):g} {point.unit}"
    return f"{point.name:12} {point.datatype:8} {scale} {point.kind}{ratio}"


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout)
