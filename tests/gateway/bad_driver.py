"""A Modbus driver whose lines crash, cannot be made or hang, by the name of their host."""

import asyncio

from gateway.contract.profile import Profile
from gateway.drivers.capabilities import Address, Line, Reads, Tcp, Unit
from gateway.drivers.modbus import open_line as open_good_line


class CrashingLine:
    """Opening it is a bug."""

    def __init__(self, good: Line) -> None:
        self._good = good

    async def open(self) -> None:
        raise RuntimeError("a bug of a driver")

    def close(self) -> None:
        self._good.close()

    def device(self, profile: Profile, unit: Unit) -> Reads:
        return self._good.device(profile, unit)


class HangingLine(CrashingLine):
    """Opening it never ends, and does not mind being cancelled at first."""

    async def open(self) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue


def open_line(address: Address, timeout_s: float) -> Line:
    """A line that is as good as its host's name."""
    good = open_good_line(address, timeout_s)
    host = address.link.host if isinstance(address.link, Tcp) else ""
    if host == "broken.invalid":
        raise RuntimeError("cannot be made")
    if host == "crash.invalid":
        return CrashingLine(good)
    return HangingLine(good) if host == "hang.invalid" else good
