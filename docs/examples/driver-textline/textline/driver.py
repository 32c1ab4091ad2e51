"""A whole driver: `READ <unit> <item>` is answered by a number, or by `NONE` or `ERROR <code>`.

It plans nothing and keeps nothing: polling, back-off, deadbands and the journal are the gateway's.
"""

import asyncio
from collections.abc import Sequence

from gateway.contract.profile import Point, Profile, Ratios
from gateway.drivers.capabilities import (
    Address,
    DeviceSilent,
    DriverFault,
    LinkDown,
    Reader,
    Refused,
    Tcp,
    Unit,
)


def open_line(address: Address, timeout_s: float) -> "TextLine":
    """A connection to one converter, not yet made."""
    if not isinstance(address.link, Tcp):
        raise DriverFault(f"textline needs a host and a port, not {address.link}")
    return TextLine(address.link, timeout_s)


class TextLine:
    """One TCP connection, one question in flight."""

    def __init__(self, link: Tcp, timeout_s: float) -> None:
        self._link = link
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect; LinkDown when nobody is there."""
        self.close()
        try:
            async with asyncio.timeout(self._timeout_s):
                self._streams = await asyncio.open_connection(self._link.host, self._link.port)
        except (OSError, TimeoutError) as error:
            raise LinkDown(f"{self._link} does not accept a connection") from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def device(self, profile: Profile, unit: Unit) -> "TextMeter":
        """One meter behind this connection."""
        return TextMeter(self, str(unit))

    async def ask(self, unit: str, item: str) -> str:
        """The answer to one question."""
        if self._streams is None:
            raise LinkDown(f"{self._link} is not connected")
        reader, writer = self._streams
        try:
            writer.write(f"READ {unit} {item}\n".encode())
            async with asyncio.timeout(self._timeout_s):
                answer = await reader.readline()
        except TimeoutError as error:
            # A late answer would be taken for the next question's: begin anew.
            self.close()
            raise DeviceSilent(f"meter {unit} at {self._link} does not answer") from error
        except OSError as error:
            raise LinkDown(f"{self._link}: {error}") from error
        if not answer.endswith(b"\n"):
            raise LinkDown(f"{self._link} closed the connection")
        return answer.decode("ascii", "replace").strip()


class TextMeter:
    """One meter."""

    def __init__(self, line: TextLine, unit: str) -> None:
        self._line = line
        self._unit = unit

    async def ratios(self) -> Ratios:
        """These meters keep none."""
        return Ratios()

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        """Reads these points one after the other."""

        async def read() -> list[float | None]:
            return [await self._value(point, ratios) for point in points]

        return read

    async def _value(self, point: Point, ratios: Ratios) -> float | None:
        answer = await self._line.ask(self._unit, point.item)
        if answer == "NONE":
            return None
        if answer.startswith("ERROR"):
            raise Refused(f"meter {self._unit} refuses {point.item}", int(answer[5:] or 0))
        try:
            raw = float(answer)
        except ValueError as error:
            raise Refused(f"meter {self._unit} answers {answer!r} for {point.item}", 0) from error
        return point.decode(raw, ratios)
