"""What every driver of the registry must do: read each shipped profile's own sample over a real
connection of its protocol, and say it in a sentence when nobody is there.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from gateway.contract.profile import Profile
from gateway.contract.profile_file import find_profile, profile_names
from gateway.drivers.capabilities import Address, LinkDown, Reading, ReportingLine, Unit
from gateway.drivers.registry import DRIVERS, find_driver
from tests.gateway.driver_peers import NOBODY, PEERS


def test_every_driver_is_in_the_suite() -> None:
    assert set(PEERS) == set(NOBODY) == set(DRIVERS)


@pytest.mark.parametrize("protocol", sorted(DRIVERS))
async def test_nobody_there_is_a_link_down(protocol: str) -> None:
    line = find_driver(protocol)(NOBODY[protocol](), 0.5)
    with pytest.raises(LinkDown, match=r"127.0.0.1"):
        await line.open()
    line.close()


@pytest.mark.parametrize("name", profile_names())
async def test_a_profiles_sample_round_trips(name: str) -> None:
    profile = find_profile(name)
    async with PEERS[profile.protocol](profile) as (address, unit):
        found = await read_once(profile, address, unit)
    for point, value in profile.sample.values.items():
        assert found[point] == (None if value is None else pytest.approx(value, rel=1e-6)), point


async def read_once(profile: Profile, address: Address, unit: Unit) -> dict[str, float | None]:
    """The device's values by point, as far as they are known; reports are waited for."""
    line = find_driver(profile.protocol)(address, 2.0)
    names = [point.name for point in profile.points]
    ratios = profile.sample.ratios
    try:
        if isinstance(line, ReportingLine):
            heard: dict[str, float | None] = {}
            wanted, complete = set(profile.sample.values), asyncio.Event()

            def report(readings: Sequence[Reading]) -> None:
                heard.update((names[one.index], one.value) for one in readings)
                if wanted <= set(heard):
                    complete.set()

            line.device(profile, unit).subscribe(profile.points, ratios, report)
            await line.open()
            serving = asyncio.create_task(line.serve())
            async with asyncio.timeout(20):
                await complete.wait()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
            return heard
        await line.open()
        values = await line.device(profile, unit).reader(profile.points, ratios)()
        return dict(zip(names, values, strict=True))
    finally:
        line.close()
        await asyncio.sleep(0.05)
