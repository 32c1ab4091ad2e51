"""Runs a simulated plant: Modbus servers, control, and a link that can be cut, until a signal."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.contract.clock import Clock
from gateway.contract.demo import STATE_FILE
from gateway.simulator.control import Controller, serve_control
from gateway.simulator.cut import Cut
from gateway.simulator.field import Field
from gateway.simulator.gateway_file import Access, gateway_file, local_secret
from gateway.simulator.modbus import Bus, plant_units
from gateway.simulator.simulation import (
    Identity,
    SimulationError,
    build_field,
    events_file,
    load_events,
)

LINK_CHECK_S = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """How a simulated plant is served."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    """First Modbus port; buses take the next free ones. 0 = any."""
    write_config: Path | None = None
    profiles: Sequence[Path] = ()
    step_s: int | None = None
    bench: bool = True
    cut: tuple[str, int] | None = None
    """Broker behind the link that can be cut."""


async def serve(which: Identity, clock: Clock, options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises SimulationError when a port cannot be had."""
    asked = _asked_to_end()
    field = build_field(
        which,
        clock,
        extra_profiles=options.profiles,
        step_s=options.step_s,
        bench=options.bench,
    )
    load_events(field, options.data)
    servers: list[Bus] = []
    link = None if options.cut is None else Cut(*options.cut)
    try:
        ports = await _start_buses(field, options, servers)
        state: dict[str, object] = {
            "plant": which.plant,
            "seed": which.seed,
            "anchor": which.anchor,
            "pid": os.getpid(),
            "modbus": ports,
        }
        controller = Controller(field, events_file(options.data), lambda: state)
        control = await serve_control(controller)
        state["control"] = control.sockets[0].getsockname()[1]
        if link is not None:
            state["link"] = await link.start()
        if options.write_config is not None:
            access = _access(options, field, state.get("link"))
            text = gateway_file(field, options.host, ports, options.profiles, access)
            _replace(options.write_config, text)
        _replace(options.data / STATE_FILE, json.dumps(state) + "\n")
        _say(which, field, options, state)
        async with control:
            await _watch_link(field, clock, link, asked)
    finally:
        await asyncio.gather(*(bus.stop() for bus in servers))
        if link is not None:
            await link.stop()


async def _start_buses(field: Field, options: Options, servers: list[Bus]) -> dict[str, int]:
    ports: dict[str, int] = {}
    wanted = options.port
    for name in field.plant.model.buses:
        slugs = [device.slug for device in field.plant.model.devices if device.bus == name]
        bus = Bus(plant_units(field, slugs))
        servers.append(bus)
        ports[name] = await _start(bus, options.host, wanted)
        wanted = ports[name] + 1 if options.port else 0
    return ports


async def _start(bus: Bus, host: str, port: int) -> int:
    """The first free port from `port` on, of a hundred."""
    for candidate in range(port, port + 100 if port else 1):
        try:
            return await bus.start(host, candidate)
        except OSError:
            continue
    raise SimulationError(
        f"No free port from {port} to {port + 99} on {host}: set MODBUS_PORT or --port to another."
    )


async def _watch_link(field: Field, clock: Clock, link: Cut | None, asked: asyncio.Event) -> None:
    """Cut and mend the link as the scenario says until the process is asked to end."""
    waiting = asyncio.create_task(asked.wait())
    while not waiting.done():
        if link is None:
            await waiting
            continue
        await link.set_cut(cut=field.scenario.link_cut(int(clock.now().timestamp())))
        await asyncio.wait([waiting], timeout=LINK_CHECK_S)


def _access(options: Options, field: Field, link: object) -> Access:
    model = field.plant.model
    secret = local_secret(options.data, model.project, model.gateway)
    return Access(secret, None if link is None else f"mqtt://127.0.0.1:{link}")


def _asked_to_end() -> asyncio.Event:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    return asked


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    # The gateway's secret is in it.
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(file)


def _say(which: Identity, field: Field, options: Options, state: Mapping[str, object]) -> None:
    buses = state["modbus"]
    lines = [
        f"{field.plant.model.name['en']}: {len(field.meters)} meters, seed {which.seed}, "
        f"anchor {which.anchor}",
        f"  Modbus TCP on {options.host}: {buses}",
        f"  control on 127.0.0.1:{state['control']} (kilowise-gateway simulate control --help)",
    ]
    if options.write_config is not None:
        lines.append(f"  gateway configuration: {options.write_config}")
    if "link" in state:
        lines.append(f"  broker behind the link that can be cut: 127.0.0.1:{state['link']}")
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
