"""Modbus requests: how many a poll of each shipped profile takes beside the best plan there is, and
how many points a second one slow slave gives.

The requests are counted at a server that refuses what the profile forbids. The best plan is found
by another rule than the planner's: from each first register on, as far as one request may reach.
The slow slave is the multi-loop meter that ships (115 points), answering every request after 5 ms.
"""

import asyncio
import json
import time
from collections.abc import Iterator

from gateway.contract.profile import Block, Point, Profile, Ratios
from gateway.contract.profile_file import find_profile, profile_names
from gateway.drivers.capabilities import Address
from gateway.drivers.modbus import open_line
from gateway.plan import Limits
from tests.gateway.modbus_peers import Say, later, mbap, on_tcp

SLOW_S, SLOW_PROFILE = 0.005, "sfere/pd194z-multiloop"
MEASURE_S = 3.0
REACH_RATIO, REACH_RATE, MYEMS_RATE = 1.2, 3300.0, 166.0


def reply_to(request: bytes, profile: Profile) -> bytes:
    """What a device with any registers but the forbidden ones answers."""
    number, unit, fc = int.from_bytes(request[:2], "big"), request[6], request[7]
    start, count = (int.from_bytes(request[at : at + 2], "big") for at in (8, 10))
    asked = Block(fc, start, count)
    most = Limits.of(profile).most(fc)
    if count > most or any(overlap(asked, part) for part in profile.forbidden):
        return mbap(number, unit, bytes((fc | 0x80, 2)))
    return mbap(number, unit, bytes((fc, 2 * count)) + bytes(2 * count))


def overlap(one: Block, other: Block) -> bool:
    """Whether two blocks share a register."""
    return one.fc == other.fc and one.start < other.end and other.start < one.end


def best(profile: Profile) -> int:
    """The fewest requests that read a profile."""
    return sum(1 for _ in greedy(profile, Limits.of(profile)))


def greedy(profile: Profile, limits: Limits) -> Iterator[Block]:
    """Requests that each reach as far as they may: no plan has fewer."""
    block: Block | None = None
    for point in sorted(profile.points, key=lambda point: (point.fc, point.address)):
        wider = None if block is None else widened(block, point)
        if wider is None or not allowed(wider, point, block, limits):
            if block is not None:
                yield block
            block = Block(point.fc, point.address, point.words)
        else:
            block = wider
    if block is not None:
        yield block


def widened(block: Block, point: Point) -> Block | None:
    """A block that takes a point in as well; None for another function."""
    end = max(block.end, point.address + point.words)
    return Block(block.fc, block.start, end - block.start) if point.fc == block.fc else None


def allowed(wider: Block, point: Point, block: Block | None, limits: Limits) -> bool:
    """Whether one request may read a block."""
    gap = 0 if block is None else point.address - block.end
    return (
        wider.count <= limits.most(wider.fc)
        and (limits.max_gap is None or gap <= limits.max_gap)
        and not any(overlap(wider, part) for part in limits.forbidden)
    )


async def requests_of(profile: Profile) -> int:
    """Requests of one poll, counted at the device, after what there is to learn was learned."""
    asked = 0

    def script(request: bytes, say: Say) -> None:
        nonlocal asked
        asked += 1
        say(reply_to(request, profile))

    async with on_tcp(script) as address:
        line = open_line(address, 2.0)
        await line.open()
        read = line.device(profile, 1).reader(profile.points, Ratios())
        await read()
        asked = 0
        await read()
        line.close()
    return asked


async def slow_rate(address: Address, profile: Profile) -> float:
    """Points a second of one slave."""
    line = open_line(address, 1.0)
    await line.open()
    read = line.device(profile, 1).reader(profile.points, Ratios())
    points, begun = 0, time.monotonic()
    while time.monotonic() - begun < MEASURE_S:
        points += len(await read())
    took = time.monotonic() - begun
    line.close()
    return points / took


async def measure() -> tuple[float, float]:
    """The worst ratio of all shipped Modbus profiles, and the slow slave's points a second."""
    ratios = []
    for name in profile_names():
        profile = find_profile(name)
        if profile.has_registers:
            ratios.append(await requests_of(profile) / best(profile))
    profile = find_profile(SLOW_PROFILE)

    def slow(request: bytes, say: Say) -> None:
        later(SLOW_S, say, reply_to(request, profile))

    async with on_tcp(slow) as address:
        return max(ratios), await slow_rate(address, profile)


def main() -> None:
    """Print the figures."""
    ratio, rate = asyncio.run(measure())
    for name, value, unit, against, reach, ok in (
        ("modbus_requests_by_best_plan", ratio, "ratio", 1.0, REACH_RATIO, ratio <= REACH_RATIO),
        ("modbus_slow_slave_rate", rate, "points/s", MYEMS_RATE, REACH_RATE, rate >= REACH_RATE),
    ):
        print(
            json.dumps(
                {
                    "name": name,
                    "value": round(value, 3),
                    "unit": unit,
                    "against": against,
                    "ratio": round(value / against, 3),
                    "reach": reach,
                    "ok": ok,
                }
            )
        )


if __name__ == "__main__":
    main()
