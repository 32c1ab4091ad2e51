"""A Modbus TCP server for tests: registers by unit, units that fall silent, refused ranges."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.contract.profile import Profile, Ratios
from gateway.contract.profile_file import find_profile, profile_names


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def register_profiles() -> list[str]:
    """Shipped profiles whose devices the simulated plant has: those in registers."""
    return [name for name in profile_names() if find_profile(name).has_registers]


class Field:
    """What the units of one server hold; tests change it while the server runs."""

    def __init__(self, units: Mapping[int, tuple[int, int]]) -> None:
        """`units` gives (first register, count) of each unit."""
        self.words = {unit: [0] * count for unit, (_, count) in units.items()}
        self.starts = {unit: start for unit, (start, _) in units.items()}
        self.silent: set[int] = set()
        self.refused: dict[int, set[int]] = {}
        self.writes: list[tuple[int, int, list[int]]] = []
        """(unit, start, words) in the order they came; a read after one is a read of its own."""
        self.after_write: Callable[[], Awaitable[None]] | None = None
        """What happens between a write and its answer."""
        self.requests: list[tuple[int, int, int]] = []
        """(unit, start, count) in the order they came."""

    def put(self, unit: int, address: int, words: tuple[int, ...]) -> None:
        """Set registers of a unit."""
        start = address - self.starts[unit]
        self.words[unit][start : start + len(words)] = words

    def put_value(
        self, unit: int, profile: Profile, name: str, value: float | None, ratios: Ratios
    ) -> None:
        """Set a point's registers by its profile."""
        point = profile.point(name)
        self.put(unit, point.address, profile.encode(point, value, ratios))

    def devices(self) -> list[SimDevice]:
        """The units as pymodbus' simulator wants them."""
        return [
            SimDevice(
                id=unit,
                simdata=[
                    SimData(self.starts[unit], values=list(words), datatype=DataType.REGISTERS)
                ],
                action=partial(self._act, unit),
            )
            for unit, words in self.words.items()
        ]

    async def _act(
        self,
        unit: int,
        function_code: int,
        start_address: int,
        address: int,
        count: int,
        current_registers: list[int],
        set_values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        self.requests.append((unit, address, count))
        if unit in self.silent:
            raise NoSuchIdException
        if self.refused.get(unit, set()) & set(range(address, address + count)):
            return ExcCodes.ILLEGAL_ADDRESS
        words = self.words[unit]
        if set_values is not None:
            self.writes.append((unit, address, [int(value) for value in set_values]))
            self.put(unit, address, tuple(int(value) for value in set_values))
            if self.after_write is not None:
                await self.after_write()
        current_registers[: len(words)] = words
        return None


@asynccontextmanager
async def serving(field: Field, port: int) -> AsyncIterator[None]:
    """Serve a field on loopback while the block runs."""
    server = ModbusTcpServer(
        field.devices(), address=("127.0.0.1", port), ignore_missing_devices=True
    )
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


def sdm630_field(*units: int) -> Field:
    """Units laid out as the SDM630's registers."""
    return Field(dict.fromkeys(units, (0, 0x170)))
