"""A line to a controlled station: connects, asks, delivers what it says, until the link is lost."""

import asyncio
import logging
import os
from collections.abc import Hashable, Sequence

from gateway.contract.clock import Clock, parse_clock
from gateway.contract.profile import Point, Profile, Ratios
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    LinkDown,
    Report,
    ReportingLine,
    Tcp,
    Unit,
)
from gateway.drivers.iec104.asdu import (
    END_OF_INITIALIZATION,
    VALUE_CAUSES,
    Asdu,
    AsduFault,
    decode,
    values,
)
from gateway.drivers.iec104.connection import Connection
from gateway.drivers.iec104.elements import COUNTER_TYPES, TYPES
from gateway.drivers.iec104.options import Options, options_of
from gateway.drivers.iec104.questions import NAMES, ON_TIME_MS, Questions
from gateway.drivers.iec104.routes import Routes, addresses_of, station_of
from gateway.grid import next_instant, on_grid

log = logging.getLogger(__name__)

AHEAD_MS = 300_000
"""The platform sets samples aside that are further ahead."""
NAMED = 5
"""How many points without value are named in one line of the log."""


def open_line(address: Address, timeout_s: float) -> ReportingLine:
    """A line to a station, not yet connected; t0 to t3 are its time-outs, not `timeout_s`."""
    return Iec104Line(address, parse_clock(os.environ.get("KILOWISE_CLOCK")))


class Iec104Line:
    """One connection to one station or concentrator; devices are parts of its address spaces."""

    def __init__(self, address: Address, clock: Clock) -> None:
        """DriverFault for a link or an option that cannot be used."""
        if not isinstance(address.link, Tcp):
            raise DriverFault("IEC 60870-5-104 needs a host (and port, 2404 if none is given)")
        self._link: Tcp = address.link
        self._name = str(address)
        self._options: Options = options_of(address)
        self._clock = clock
        self._routes = Routes()
        self._connection: Connection | None = None
        self._questions = Questions(freeze=self._options.freeze)
        self._said: set[Hashable] = set()
        self._seen: dict[int, set[int]] = {}
        """Object addresses that came since connecting, by station."""

    def device(self, profile: Profile, unit: Unit) -> "Iec104Device":
        """A part of a station's address space; DriverFault for an impossible unit or item."""
        return Iec104Device(self._routes, profile, unit)

    async def open(self) -> None:
        """Connect, start data transfer and ask every station for everything."""
        self.close()
        self._said.clear()
        self._seen.clear()
        self._questions = Questions(freeze=self._options.freeze)
        connection = Connection(self._name, self._options.timing, self._take)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._options.connect_s):
                await loop.create_connection(lambda: connection, self._link.host, self._link.port)
        except OSError as error:
            raise LinkDown(f"{self._name} does not accept a connection") from error
        self._connection = connection
        await connection.started
        connection.check()
        for station in self._routes.stations:
            self._ask_everything(station)

    async def serve(self) -> None:
        """Deliver what the station says and ask it on time; raises LinkDown at the end."""
        connection = self._connection
        if connection is None:
            raise LinkDown(f"{self._name} is not connected")
        asking = asyncio.create_task(self._ask_on_time())
        either: list[asyncio.Future[None]] = [asking, connection.ended]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            await asyncio.wait({asking})
        if not asking.cancelled():
            asking.result()
        connection.check()

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _ask_on_time(self) -> None:
        """Ask at each instant of the two grids; both have every quarter hour of UTC."""
        counters_ms = self._options.counter_every_s * 1000
        everything_ms = self._options.interrogate_every_s * 1000
        while True:
            now_ms = self._now_ms()
            instant_ms = min(next_instant(now_ms, counters_ms), next_instant(now_ms, everything_ms))
            while now_ms < instant_ms:
                await self._clock.sleep((instant_ms - now_ms) / 1000)
                now_ms = self._now_ms()
            for sentence in self._questions.unanswered():
                log.warning("%s: %s", self._name, sentence)
            for station in self._routes.stations:
                if on_grid(instant_ms, counters_ms):
                    on_time = now_ms - instant_ms <= ON_TIME_MS
                    self._ask_counters(station, instant_ms if on_time else None)
                if on_grid(instant_ms, everything_ms):
                    self._send(self._questions.everything(station))

    def _ask_everything(self, station: int) -> None:
        self._send(self._questions.everything(station))
        self._ask_counters(station, None)

    def _ask_counters(self, station: int, instant_ms: int | None) -> None:
        self._send(self._questions.counters(station, instant_ms))

    def _send(self, asdu: bytes) -> None:
        if self._connection is not None:
            self._connection.send(asdu)

    def _take(self, octets: bytes) -> None:
        """An ASDU came; only stations that somebody wants something of are listened to."""
        try:
            asdu = decode(octets)
            if asdu.station in self._routes:
                self._take_known(asdu)
        except AsduFault as fault:
            self._say(("bad", octets[:1]), f"an ASDU is left out: {fault}")

    def _take_known(self, asdu: Asdu) -> None:
        if asdu.type in NAMES:
            self._take_answer(asdu)
        elif asdu.type == END_OF_INITIALIZATION:
            self._ask_everything(asdu.station)
        elif asdu.type in TYPES:
            self._take_values(asdu)
        else:
            what = f"type {asdu.type} of station {asdu.station} is not known and left out"
            self._say(("unknown", asdu.type), what)

    def _take_answer(self, asdu: Asdu) -> None:
        answers = self._questions.answered(asdu)
        for command in answers.send:
            self._send(command)
        if answers.say:
            self._say((asdu.type, asdu.station, asdu.cause), answers.say)
        if answers.finished:
            self._say_missing(asdu.station)

    def _take_values(self, asdu: Asdu) -> None:
        if asdu.test or asdu.negative or asdu.cause not in VALUE_CAUSES:
            mark = "a test" if asdu.test else f"of cause {asdu.cause}"
            what = f"values of type {asdu.type} that are {mark} are left out"
            self._say(("cause", asdu.type, mark), what)
            return
        found = values(asdu, self._options.offset_minutes)
        now_ms = self._now_ms()
        ahead_ms = max(value.at_ms or 0 for value in found) - now_ms
        if ahead_ms > AHEAD_MS:
            what = f"the clock of station {asdu.station} is {ahead_ms // 1000} s ahead"
            self._say(("clock", asdu.station), f"{what}: set it, or time_offset_minutes")
        self._seen.setdefault(asdu.station, set()).update(value.address for value in found)
        received_ms = self._questions.time_of(asdu, now_ms)
        # A counter reading is true for its own moment only; a measured value until the next one.
        holds = asdu.type not in COUNTER_TYPES
        self._routes.deliver(asdu.station, found, received_ms, holds=holds)

    def _say_missing(self, station: int) -> None:
        seen = self._seen.get(station, set())
        names = self._routes.names(station)
        missing = [f"{names[address]} ({address})" for address in names if address not in seen]
        if missing:
            named = ", ".join(missing[:NAMED]) + (", ..." if len(missing) > NAMED else "")
            what = f"station {station} has no value for {len(missing)} of {len(names)} points"
            self._say(("missing", station), f"{what}: {named}. Correct the profile or the station.")

    def _say(self, key: Hashable, sentence: str) -> None:
        """Say something once a connection."""
        if key not in self._said:
            self._said.add(key)
            log.warning("%s: %s", self._name, sentence)

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)


class Iec104Device:
    """Points of one profile in one station's address space."""

    def __init__(self, routes: Routes, profile: Profile, unit: Unit) -> None:
        self._routes = routes
        self._station = station_of(unit)
        self._addresses = addresses_of(profile)
        self._report: Report | None = None

    def subscribe(self, points: Sequence[Point], ratios: Ratios, report: Report) -> None:
        """Have these points reported from the next `open` on; replaces an earlier call."""
        if self._report is not None:
            self._routes.remove(self._report)
        self._report = report
        addresses = [self._addresses[point.item] for point in points]
        self._routes.add(self._station, addresses, points, ratios, report)
