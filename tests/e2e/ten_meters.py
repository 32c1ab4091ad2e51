"""Ten simulated meters on one Modbus TCP port, units 1 to 10; the port is printed.

`python -m tests.e2e.ten_meters` answers until its standard input ends.
"""

import asyncio
import sys
import time

from gateway.contract.profile_file import find_profile
from gateway.simulator.modbus import Bus
from gateway.simulator.sample_device import SampleDevice

PROFILE = "eastron/sdm630"
UNITS = range(1, 11)


async def main() -> None:
    """Serve until nobody listens any more."""
    begun = time.monotonic()
    device = SampleDevice(find_profile(PROFILE), lambda: time.monotonic() - begun, moves=True)
    bus = Bus([device.unit(unit) for unit in UNITS])
    port = await bus.start("127.0.0.1", 0)
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await bus.stop()


if __name__ == "__main__":
    asyncio.run(main())
