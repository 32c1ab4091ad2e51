"""The command `kilowise-gateway simulate`: serve a plant, write truth or history, control it."""

import argparse
import asyncio
import http.client
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.contract.clock import Clock, ClockTextError, parse_clock
from gateway.contract.demo import CONTROL_PATH, STATE_FILE, STATE_PATH, Request
from gateway.contract.documents import DocumentFault
from gateway.contract.lifeline import hold_lifeline
from gateway.simulator.history import write_history
from gateway.simulator.plant_file import PlantFileError, plant_names
from gateway.simulator.scenario import ScenarioError
from gateway.simulator.serve import Options, serve
from gateway.simulator.simulation import (
    Identity,
    SimulationError,
    build_field,
    identity,
    load_events,
)
from gateway.simulator.truth import write_truth

DESCRIPTION = """Simulate a plant whose meters answer over real Modbus TCP.

Without a word it serves the plant until Ctrl-C, and writes the gateway configuration that reads it.
`simulate control REQUEST` talks to the one that runs on the same data folder: REQUEST is story,
shed, clear, state or a JSON object such as {"fault": "dead", "device": "furnace-1", "minutes": 120}
(docs/demo.md has all).
"""
GATEWAY_FILE = "gateway.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "action", nargs="*", metavar="control REQUEST", help="talk to a running one"
    )
    data = Path(os.environ.get("KILOWISE_DATA", "var"))
    port = int(os.environ.get("MODBUS_PORT", "5020"))
    add = parser.add_argument
    add("--data", type=Path, default=data, help=f"data folder (KILOWISE_DATA; {data})")
    add("--plant", choices=plant_names(), help="plant to simulate (qichuan)")
    add("--seed", type=int, help="number that decides all chance (1)")
    add(
        "--anchor", type=date.fromisoformat, help="day 0 of the plant's history (first start's day)"
    )
    add("--host", default="127.0.0.1", help="address the meters listen on (127.0.0.1)")
    add("--port", type=int, default=port, help=f"first Modbus port, 0 = any (MODBUS_PORT; {port})")
    add(
        "--write-config",
        type=Path,
        metavar="FILE",
        help=f"gateway configuration (DATA/{GATEWAY_FILE})",
    )
    add("--profiles", type=Path, action="append", default=[], metavar="DIR", help="more profiles")
    add("--step", type=int, metavar="S", help="seconds between two values of all registers")
    add("--no-bench", action="store_true", help="no bench meter for every other profile")
    add(
        "--cut",
        type=_address,
        metavar="HOST:PORT",
        help="broker to reach by a link that can be cut",
    )
    add("--truth", type=Path, metavar="FILE", help="write what every register counted by 15 min")
    add("--from", dest="start", type=_instant, metavar="INSTANT", help="truth from (35 days ago)")
    add("--to", dest="end", type=_instant, metavar="INSTANT", help="truth or history up to (now)")
    add(
        "--history",
        type=Path,
        metavar="FILE",
        help="write readings by 15 min for `kilowise import`",
    )
    add("--days", type=int, default=35, help="days of history (35, at most 428)")
    add("--part-days", type=int, default=0, help="days of each file FILE.1, FILE.2, ... (one file)")


def main(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask; answers the exit code, faults are told on stderr."""
    try:
        clock = parse_clock(os.environ.get("KILOWISE_CLOCK"))
        if arguments.action:
            return _control(arguments.data, arguments.action)
        which = identity(arguments.data, clock, arguments.plant, arguments.seed, arguments.anchor)
        if arguments.truth or arguments.history:
            return _write_files(which, clock, arguments)
        hold_lifeline()
        asyncio.run(serve(which, clock, _options(arguments)))
    except (
        ClockTextError,
        DocumentFault,
        PlantFileError,
        ScenarioError,
        SimulationError,
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        data=arguments.data,
        host=arguments.host,
        port=arguments.port,
        write_config=arguments.write_config or arguments.data / GATEWAY_FILE,
        profiles=tuple(arguments.profiles),
        step_s=arguments.step,
        bench=not arguments.no_bench,
        cut=arguments.cut,
    )


def _write_files(which: Identity, clock: Clock, arguments: argparse.Namespace) -> int:
    field = build_field(
        which,
        clock,
        extra_profiles=tuple(arguments.profiles),
        step_s=arguments.step,
        bench=not arguments.no_bench,
    )
    load_events(field, arguments.data)
    end = int((arguments.end or clock.now()).timestamp())
    if arguments.truth:
        start = arguments.start or datetime.fromtimestamp(end, UTC) - timedelta(days=35)
        count = write_truth(arguments.truth, field, int(start.timestamp()), end)
        sys.stdout.write(f"{arguments.truth}: {count} quarter hours\n")
    if arguments.history:
        days, part = arguments.days, arguments.part_days
        count = write_history(arguments.history, field, end, days, part)
        sys.stdout.write(f"{arguments.history}: {count} readings of {days} days\n")
    return 0


def _control(data: Path, words: list[str]) -> int:
    if words[0] != "control" or len(words) != 2:
        raise ScenarioError("Write: simulate control REQUEST (see --help)")
    answer = ask(data, words[1])
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1) + "\n")
    return 0 if answer.get("ok") else 1


def ask(data: Path, request: str) -> Mapping[str, object]:
    """Send a request to the simulator that runs on a data folder. Raises ScenarioError."""
    try:
        port = int(json.loads((data / STATE_FILE).read_text(encoding="utf-8"))["control"])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        if request == "state":
            connection.request("GET", STATE_PATH)
        else:
            connection.request("POST", CONTROL_PATH, _body(request))
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        raise ScenarioError(
            f"No simulator answers on {data} ({error!r}). Start one, or name its folder by --data."
        ) from error
    if not isinstance(answer, dict):
        raise ScenarioError(f"the simulator answered {answer!r}")
    return answer


def _body(request: str) -> str:
    if request in set(Request):
        return json.dumps({"fault": request})
    return request


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no UTC offset; 2026-11-23T08:00:00+08:00")
    return instant


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not HOST:PORT")
    return host, int(port)
