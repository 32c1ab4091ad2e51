"""Simulated units over real Modbus TCP: one server a bus, one unit a meter.

Registers are computed when they are asked for. A dead meter does not answer at all, so its reader
runs into the time-out, as behind a serial gateway.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.contract.profile import Profile
from gateway.plan import TCP_MAX_REGISTERS
from gateway.simulator.field import HOLDING, Field

Action = Callable[
    [int, int, int, int, list[int], list[int] | list[bool] | None],
    Awaitable[ExcCodes | None],
]


LAST_REGISTER = 0xFFFF
Words = Callable[[int, int, int], list[int] | None]
"""Registers of a unit for function code, first register and count; None = it keeps silent."""
Write = Callable[[int, Sequence[int]], bool]
READS = (3, 4)
"""Functions that read holding and input registers."""
WRITES = (6, 16)
"""Functions that write one and several holding registers."""


@dataclass(frozen=True, slots=True)
class ServedUnit:
    """One unit of a served bus."""

    unit_id: int
    profile: Profile
    words: Words
    fixed: Mapping[tuple[int, int], int]
    """Registers beside the points, by function code and address: ratios, marks of the type."""
    write: Write | None = None
    """Sets holding registers from a first one on; False where that is not allowed."""


def plant_units(field: Field, slugs: Iterable[str]) -> list[ServedUnit]:
    """Meters of a plant as units of one bus."""
    return [_plant_unit(field, slug) for slug in slugs]


def _plant_unit(field: Field, slug: str) -> ServedUnit:
    meter = field.meters[slug]

    def words(fc: int, address: int, count: int) -> list[int] | None:
        return None if field.is_dead(slug) else field.read(slug, (fc, address, count))

    ratios = {
        (fc, address): word for fc in READS for address, word in field.ratio_words(slug, fc).items()
    }
    fixed = ratios | mark_words(meter.profile)
    write = partial(field.write, slug)
    return ServedUnit(meter.device.unit_id, meter.profile, words, fixed, write)


def mark_words(profile: Profile) -> dict[tuple[int, int], int]:
    """Registers by which devices of a type are recognised, by function code and address."""
    return {
        (mark.fc, mark.address + index): word
        for mark in profile.fingerprint
        for index, word in enumerate(mark.example(profile.order))
    }


class Bus:
    """One Modbus TCP server with the units of one bus."""

    def __init__(self, units: Iterable[ServedUnit]) -> None:
        """Answer for these units; nothing listens yet."""
        self._devices = [*(_device(unit) for unit in units), _nobody()]
        self._server: ModbusTcpServer | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen and answer the port in use (0 = any free one). Raises OSError when it is taken."""
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        server = ModbusTcpServer(self._devices, address=(host, port), ignore_missing_devices=True)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(f"port {port} on {host} is taken") from error
        self._server = server
        listener = server.transport
        if not isinstance(listener, asyncio.Server):
            raise OSError(f"port {port} on {host} cannot be had")
        return int(listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the server and every connection to it."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus
            self._server = None


def _device(unit: ServedUnit) -> SimDevice:
    async def answer(
        fc: int,
        base: int,
        address: int,
        count: int,
        registers: list[int],
        new: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if fc not in (*READS, *WRITES):
            return ExcCodes.ILLEGAL_FUNCTION
        # The server itself reads back what function 6 wrote.
        kind = HOLDING if fc in WRITES else fc
        words = unit.words(kind, address, count)
        if words is None:
            raise NoSuchIdException
        if new is not None:
            given = [int(word) for word in new]
            done = unit.write is not None and unit.write(address, given)
            return None if done else ExcCodes.ILLEGAL_ADDRESS
        for (of, place), word in unit.fixed.items():
            if of == kind and address <= place < address + count:
                words[place - address] = word
        registers[address - base : address - base + count] = words
        return None

    holding, inputs = (_space(unit, fc) for fc in READS)
    bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    return SimDevice(unit.unit_id, simdata=(bits, list(bits), holding, inputs), action=answer)


def _nobody() -> SimDevice:
    """All units that are not there: silent as on a serial bus (unit 0 stands for them)."""

    async def answer(*_: object) -> ExcCodes | None:
        raise NoSuchIdException

    whole = SimData(0, count=LAST_REGISTER + 1, datatype=DataType.REGISTERS)
    bits = SimData(0, values=[False] * 16, datatype=DataType.BITS)
    return SimDevice(0, simdata=([bits], [bits], [whole], [whole]), action=answer)


def _space(unit: ServedUnit, fc: int) -> list[SimData]:
    """The registers that exist: known ones and the gaps between them that one request can span,
    without forbidden blocks.
    """
    profile = unit.profile
    used = {
        point.address + word
        for point in profile.points
        if point.fc == fc
        for word in range(point.words)
    } | {address for of, address in unit.fixed if of == fc}
    closed = {
        address
        for block in profile.forbidden
        if block.fc == fc
        for address in range(block.start, block.end)
    }
    space = [
        SimData(start, count=end - start, datatype=DataType.REGISTERS)
        for start, end in _runs(used, closed)
    ]
    return space or [SimData(0, datatype=DataType.INVALID)]


def _runs(used: Set[int], closed: Set[int]) -> Iterator[tuple[int, int]]:
    """Stretches of registers, each from its first to behind its last one."""
    known = {
        address
        for before, after in pairwise(sorted(used))
        if after - before <= TCP_MAX_REGISTERS
        for address in range(before, after)
    } | used
    start = end = -1
    for address in sorted(known - closed):
        if address != end:
            if end > 0:
                yield start, end
            start = address
        end = address + 1
    if end > 0:
        yield start, end
