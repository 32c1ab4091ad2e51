"""Modbus TCP by pymodbus: block reads, one request in flight, exception 2 splits a block.

Reconnecting is the poller's decision, so pymodbus' own reconnect and its closing of the connection
after a few silent units are off: one dead unit must not cost its neighbours their connection.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from fractions import Fraction

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException

from gateway.contract.profile import Block, Point, Profile, Ratios, RatioSource
from gateway.contract.registers import block_decoder, decode_raw, to_value
from gateway.drivers.capabilities import (
    Address,
    DeviceSilent,
    DriverFault,
    Line,
    LinkDown,
    Reader,
    Refused,
    Tcp,
    Unit,
)
from gateway.plan import Limits, Request, plan_requests, split

log = logging.getLogger(__name__)

ILLEGAL_ADDRESS = 2
GATEWAY_UNAVAILABLE = (10, 11)
"""Exceptions by which a converter says that the unit behind it is silent."""
NEVER = 1 << 30

# pymodbus reports every time-out as an error of its own; the poller says it once per device.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

Decode = Callable[[Sequence[int]], list[float | None]]


def open_line(address: Address, timeout_s: float) -> Line:
    """A Modbus TCP connection at an address, not yet connected."""
    if not isinstance(address.link, Tcp):
        raise DriverFault(f"Modbus TCP needs a host and a port, not {address.link}")
    return ModbusLine(address, address.link, timeout_s)


class ModbusLine:
    """One TCP connection; the devices behind it are units."""

    def __init__(self, address: Address, link: Tcp, timeout_s: float) -> None:
        """`timeout_s` bounds both connecting and each answer."""
        self._address = address
        self._link = link
        self._timeout_s = timeout_s
        self._client: AsyncModbusTcpClient | None = None

    async def open(self) -> None:
        """Connect; LinkDown with the reason when that does not work."""
        self.close()
        client = AsyncModbusTcpClient(
            self._link.host,
            port=self._link.port,
            timeout=self._timeout_s,
            retries=0,
            reconnect_delay=0,
        )
        client.set_max_no_responses(NEVER)
        if not await client.connect():
            client.close()
            raise LinkDown(f"{self._address} does not accept a connection")
        self._client = client

    def close(self) -> None:
        """Drop the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def device(self, profile: Profile, unit: Unit) -> "ModbusDevice":
        """One unit on this connection."""
        if not isinstance(unit, int):
            raise DriverFault(f"a Modbus unit is a number, not {unit!r}")
        return ModbusDevice(self, profile, unit)

    async def read(self, unit: int, block: Block) -> Sequence[int]:
        """The registers of a block; LinkDown, DeviceSilent or Refused when there are none."""
        client = self._client
        if client is None or not client.connected:
            raise LinkDown(f"{self._address} is not connected")
        call = client.read_holding_registers if block.fc == 3 else client.read_input_registers
        try:
            answer = await call(block.start, count=block.count, device_id=unit)
        except ConnectionException as error:
            raise LinkDown(f"{self._address} closed the connection") from error
        except ModbusException as error:
            if not client.connected:
                raise LinkDown(f"{self._address} closed the connection") from error
            raise DeviceSilent(f"unit {unit} at {self._address} does not answer") from error
        if answer.isError():
            raise _refusal(unit, block, getattr(answer, "exception_code", 0))
        if len(answer.registers) != block.count:
            raise Refused(f"unit {unit} answered {len(answer.registers)} of {block.count}", 0)
        return answer.registers


class ModbusDevice:
    """One unit: reads points in blocks."""

    def __init__(self, line: ModbusLine, profile: Profile, unit: int) -> None:
        self._line = line
        self._profile = profile
        self._unit = unit
        self._limits = Limits.of(profile)

    async def ratios(self) -> Ratios:
        """The ratios in the meter's own registers; a meter that says 0 is taken as direct."""
        if self._profile.ratio_source is not RatioSource.METER:
            return Ratios()
        found = {"pt": Fraction(1), "ct": Fraction(1)}
        for name, place in self._profile.ratio_registers.items():
            block = Block(place.fc, place.address, place.datatype.words)
            words = await self._line.read(self._unit, block)
            raw = decode_raw(words, place.datatype, self._profile.order)
            found[name] = Fraction(to_value(raw, place.scale)) or Fraction(1)
        return Ratios(**found)

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        """Reads these points with the fewest requests, learning which blocks the unit refuses."""
        return _Plan(self._line, self._unit, self._profile, tuple(points), ratios, self._limits)


class _Plan:
    """The requests for one set of points; a refused block is split until only points remain."""

    def __init__(
        self,
        line: ModbusLine,
        unit: int,
        profile: Profile,
        points: tuple[Point, ...],
        ratios: Ratios,
        limits: Limits,
    ) -> None:
        self._line = line
        self._unit = unit
        self._profile = profile
        self._places = {point: index for index, point in enumerate(points)}
        self._ratios = ratios
        self._limits = limits
        self._pause_s = profile.quirks.pause_ms / 1000
        self._steps = [self._step(request) for request in plan_requests(points, limits)]

    async def __call__(self) -> list[float | None]:
        """One value a point, in the order the points were given."""
        steps = self._steps
        if len(steps) == 1 and not self._pause_s:
            request, decode, _ = steps[0]
            try:
                found = decode(await self._line.read(self._unit, request.block))
            except Refused as refusal:
                self._learn(request, refusal)
                return await self()
            return self._ordered([(steps[0][2], found)])
        return await self._read_all()

    async def _read_all(self) -> list[float | None]:
        found: list[tuple[list[int], list[float | None]]] = []
        waiting = list(self._steps)
        while waiting:
            request, decode, places = waiting.pop(0)
            if found and self._pause_s:
                await asyncio.sleep(self._pause_s)
            try:
                found.append((places, decode(await self._line.read(self._unit, request.block))))
            except Refused as refusal:
                waiting[:0] = self._learn(request, refusal)
        return self._ordered(found)

    def _ordered(self, found: Sequence[tuple[list[int], list[float | None]]]) -> list[float | None]:
        if len(found) == 1 and found[0][0] == list(range(len(self._places))):
            return found[0][1]
        values: list[float | None] = [None] * len(self._places)
        for places, part in found:
            for place, value in zip(places, part, strict=True):
                values[place] = value
        return values

    def _learn(self, request: Request, refusal: Refused) -> list[tuple[Request, Decode, list[int]]]:
        """Replace a refused request by smaller ones; a lone refused point is missing for good."""
        if refusal.code != ILLEGAL_ADDRESS:
            raise refusal
        index = next(i for i, step in enumerate(self._steps) if step[0] is request)
        if len(request.points) == 1:
            log.warning(
                "unit %d refuses point %s at register %d of function %d: it stays without value. "
                "Correct the address in %s.yaml.",
                self._unit,
                request.points[0].name,
                request.block.start,
                request.block.fc,
                self._profile.name,
            )
            del self._steps[index]
            return []
        smaller = [self._step(part) for part in split(request, self._limits)]
        self._steps[index : index + 1] = smaller
        return smaller

    def _step(self, request: Request) -> tuple[Request, Decode, list[int]]:
        decode = _decoder(request, self._profile, self._ratios)
        return request, decode, [self._places[point] for point in request.points]


def _decoder(request: Request, profile: Profile, ratios: Ratios) -> Decode:
    places = [(point.address - request.block.start, point.datatype) for point in request.points]
    raws = block_decoder(places, profile.order)
    if all(_is_plain(point, ratios) for point in request.points):
        # x - x is 0 for every number and NaN for NaN and the infinities.
        return lambda registers: [raw if raw - raw == 0 else None for raw in raws(registers)]
    multipliers = [point.multiplier(ratios) for point in request.points]
    rules = [
        (point.missing, multiplier.numerator, multiplier.denominator)
        for point, multiplier in zip(request.points, multipliers, strict=True)
    ]
    return lambda registers: [
        None if raw in missing or raw - raw != 0 else raw * numerator / denominator
        for raw, (missing, numerator, denominator) in zip(raws(registers), rules, strict=True)
    ]


def _is_plain(point: Point, ratios: Ratios) -> bool:
    return not point.missing and point.multiplier(ratios) == 1


def _refusal(unit: int, block: Block, code: int) -> DeviceSilent | Refused:
    if code in GATEWAY_UNAVAILABLE:
        return DeviceSilent(f"the converter says that unit {unit} does not answer ({code})")
    what = f"unit {unit} refuses registers {block.start}+{block.count} (exception {code})"
    return Refused(what, code)
