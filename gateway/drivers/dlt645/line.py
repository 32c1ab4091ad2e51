"""DL/T 645-2007 meters on RS-485 or behind a transparent serial server, one request at a time.

Input is dropped before each request and an answer counts only when it comes from the meter that was
asked and names the identifier that was asked for, so a late reply is never taken for another value.
"""

import asyncio
import logging

from gateway.contract.clock import SystemClock, parse_offset
from gateway.contract.profile import Profile
from gateway.drivers.bytestream import Stream, open_stream
from gateway.drivers.capabilities import (
    Address,
    DeviceSilent,
    DriverFault,
    Line,
    LinkDown,
    Progress,
    Refused,
    Serial,
    Tcp,
    Unit,
)
from gateway.drivers.dlt645.blocks import ITEM
from gateway.drivers.dlt645.daily_time import DailyTime
from gateway.drivers.dlt645.frame import (
    LONGEST_FRAME,
    MORE_FOLLOWS,
    READ,
    READ_MORE,
    REFUSAL,
    Frame,
    NoAddress,
    check_address,
    explain_error,
    item_bytes,
    take_frames,
)
from gateway.drivers.dlt645.meter import Meter
from gateway.drivers.dlt645.search import Heard, is_noise, search

log = logging.getLogger(__name__)

TELL_TIME = "tell_time"
"""Option of a line: the offset from UTC of its meters' clocks, told to them once a day."""
CONNECT_S = 3.0
"""The least time that a connection may take: a serial server can be far away."""
LONGEST_PAUSE_S = 0.5
"""The longest silence between two bytes of one frame."""
SLOWEST_BAUD = 1200
"""What a serial server's bus may run at; bounds how long an answer takes to arrive."""
BITS_A_BYTE = 11
MOST_HEARD = 8 * LONGEST_FRAME
"""Bytes after which whoever talks on the line is no meter that answers."""
MOST_FOLLOW_UPS = 16


def open_line(address: Address, timeout_s: float) -> Line:
    """A bus of DL/T 645 meters, not yet connected; DriverFault for a link it cannot use."""
    if not isinstance(address.link, Tcp | Serial):
        raise DriverFault(f"DL/T 645 needs a serial port or a host and a port, not {address.link}")
    offset = address.option(TELL_TIME)
    try:
        daily = DailyTime(parse_offset(offset), SystemClock()) if offset else None
    except ValueError as error:
        raise DriverFault(
            f"{TELL_TIME} is {offset!r}; write an offset, for instance '+08:00'"
        ) from error
    return Dlt645Line(address.link, timeout_s, daily)


class Dlt645Line:
    """One bus; its meters are asked one after the other."""

    def __init__(
        self, link: Tcp | Serial, timeout_s: float, daily: DailyTime | None = None
    ) -> None:
        """`timeout_s` bounds the time until an answer begins."""
        self._link = link
        self.timeout_s = timeout_s
        baud = link.baud if isinstance(link, Serial) else SLOWEST_BAUD
        self._longest_frame_s = LONGEST_FRAME * BITS_A_BYTE / baud
        self._stream: Stream | None = None
        self._daily = daily

    async def open(self) -> None:
        """Connect; LinkDown with the reason when that does not work."""
        self.close()
        self._stream = await open_stream(self._link, max(self.timeout_s, CONNECT_S))

    def close(self) -> None:
        """Let go of the port or connection."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def device(self, profile: Profile, unit: Unit) -> "Meter":
        """The meter with an address; DriverFault when that is none, or the profile's items are."""
        if isinstance(unit, int) and unit < 10**11:
            # YAML takes an unquoted 000012345670 for an octal number: never guess.
            raise DriverFault(f"write the meter's twelve digits in quotes instead of {unit}")
        try:
            address = check_address(str(unit))
        except NoAddress as fault:
            raise DriverFault(str(fault)) from fault
        for point in profile.points:
            if not ITEM.fullmatch(point.item):
                raise DriverFault(
                    f"{profile.name}: {point.name} has the item {point.item!r}; write the eight "
                    "hexadecimal digits DI3 to DI0 in quotes, for instance '02010100'"
                )
        return Meter(self, profile, address)

    async def read(self, meter: str, item: str) -> bytes:
        """The data of an item, follow-up frames joined; LinkDown, DeviceSilent or Refused."""
        await self._tell_time()
        name = item_bytes(item)
        frame = await self._ask(Frame(meter, READ, name), name, b"")
        data = frame.data[len(name) :]
        for number in range(1, MOST_FOLLOW_UPS + 1):
            if not frame.control & MORE_FOLLOWS:
                return data
            counted = bytes([number])
            frame = await self._ask(Frame(meter, READ_MORE, name + counted), name, counted)
            data += frame.data[len(name) : -1]
        raise Refused(f"meter {meter} has no end of answers to {item}", 0)

    async def discover(self, progress: Progress, limit_s: float) -> list[Unit]:
        """The addresses of all meters on the line, as far as they were found in time."""
        found: list[str] = []
        try:
            async with asyncio.timeout(limit_s):
                await search(self._hear, progress, found)
        except TimeoutError:
            log.warning("the search on %s ended after %.0f s", self._link, limit_s)
        return list(found)

    async def _hear(self, request: Frame) -> Heard:
        """All answers to a request, until the line is quiet."""
        stream = await self._send(request)
        clock = asyncio.get_running_loop().time
        end = clock() + self.timeout_s + self._longest_frame_s
        heard, patience = bytearray(), self.timeout_s
        while (more := await stream.read(max(0.0, min(patience, end - clock())))) and (
            len(heard) < MOST_HEARD
        ):
            heard += more
            patience = LONGEST_PAUSE_S
        found = take_frames(bytearray(heard))
        answers = tuple(frame for frame in found if frame.answers(request))
        return Heard(answers, is_noise(bytes(heard), answers))

    async def _send(self, request: Frame) -> Stream:
        """The stream that a request is on; what came before it is dropped."""
        stream = self._stream
        if stream is None:
            raise LinkDown(f"{self._link} is not connected")
        stream.flush_input()
        await stream.write(request.encode())
        return stream

    async def _ask(self, request: Frame, begins: bytes, ends: bytes) -> Frame:
        """The answer to a request, whose data begins and ends with these bytes."""
        stream = await self._send(request)
        clock = asyncio.get_running_loop().time
        end = clock() + self.timeout_s + self._longest_frame_s
        heard, count = bytearray(), 0
        while (more := await stream.read(self._patience(count, end - clock()))) and (
            count := count + len(more)
        ) <= MOST_HEARD:
            heard += more
            for frame in take_frames(heard):
                if _is_refusal(frame, request):
                    raise _refused(frame, request)
                if frame.answers(request) and _is_framed(frame.data, begins, ends):
                    return frame
        raise DeviceSilent(self._silence(request, count))

    async def _tell_time(self) -> None:
        if self._daily is None or self._stream is None:
            return
        broadcast = self._daily.due()
        if broadcast is not None:
            await self._stream.write(broadcast)
            await asyncio.sleep(LONGEST_PAUSE_S)

    def _patience(self, count: int, left_s: float) -> float:
        wanted = max(LONGEST_PAUSE_S, self.timeout_s) if count else self.timeout_s
        return max(0.0, min(wanted, left_s))

    def _silence(self, request: Frame, count: int) -> str:
        what = f"meter {request.address} at {self._link} does not answer"
        if not count:
            return what
        return f"{what}: {count} bytes came that are no answer to this request"


def _is_refusal(frame: Frame, request: Frame) -> bool:
    return bool(frame.control == request.control | REFUSAL and frame.answers(request))


def _refused(frame: Frame, request: Frame) -> Refused:
    code = frame.data[0] if frame.data else 0
    what = f"{request.data[3::-1].hex().upper()}: {explain_error(code)}"
    return Refused(f"meter {frame.address} refuses {what}", code)


def _is_framed(data: bytes, begins: bytes, ends: bytes) -> bool:
    long_enough = len(data) >= len(begins) + len(ends)
    return long_enough and data.startswith(begins) and data.endswith(ends)
