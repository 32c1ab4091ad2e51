"""Every DL/T 645 profile against an independent meter, over TCP and over a terminal pair."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import pytest

from gateway.contract.profile import Point, Profile
from gateway.contract.profile_file import find_profile, profile_names
from gateway.drivers.capabilities import Link, Refused, Serial, Tcp
from gateway.drivers.dlt645.line import Dlt645Line

METER = "123456781012"
PROFILES = [name for name in profile_names() if find_profile(name).protocol == "dlt645"]


@asynccontextmanager
async def peer(items: Mapping[str, float | str], *place: str) -> AsyncIterator[int]:
    """A process of the package dlt645 that holds these values; answers its TCP port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.gateway.dlt645_peer", *place),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"address": METER, "items": items}).encode() + b"\n")
        async with asyncio.timeout(30):
            said = (await process.stdout.readline()).split()
        assert said[:1] == [b"ready"], "the peer did not start"
        yield int(said[1]) if place[0] == "tcp" else 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def shown(profile: Profile) -> dict[str, float | str]:
    """What the meter itself shows of the sample: values behind its transformers."""
    ratios = profile.sample.ratios
    found: dict[str, float | str] = {}
    for name, value in profile.sample.values.items():
        point = profile.point(name)
        if value is not None:
            found[point.item] = float(value / ratios.of(point.ratio))
    return found


async def read(link: Link, profile: Profile) -> dict[str, float | None]:
    assert isinstance(link, Tcp | Serial)
    line = Dlt645Line(link, 5)
    await line.open()
    assert await line.discover(lambda *_: None, 5) == [METER]
    points: list[Point] = [profile.point(name) for name in profile.sample.values]
    values = await line.device(profile, METER).reader(points, profile.sample.ratios)()
    line.close()
    return dict(zip(profile.sample.values, values, strict=True))


@pytest.mark.parametrize("name", PROFILES)
async def test_a_profile_reads_its_sample_from_an_independent_meter(name: str) -> None:
    profile = find_profile(name)
    assert profile.verified, "this test is its second source"
    assert {"u_a", "p", "ep_imp"} <= set(profile.sample.values)
    async with peer(shown(profile), "tcp", "0") as port:
        found = await read(Tcp("127.0.0.1", port), profile)
    # The peer cannot hold "no value": it shows 0 there.
    expected = {key: value or 0.0 for key, value in profile.sample.values.items()}
    assert found == pytest.approx(expected)


async def test_an_independent_meter_tells_its_time() -> None:
    items = {"04000101": "26030107", "04000102": "235958"}
    async with peer(items, "tcp", "0") as port:
        line = Dlt645Line(Tcp("127.0.0.1", port), 5)
        await line.open()
        told = await line.device(find_profile("dlt645/single-phase"), METER).clock()
        line.close()
    assert told == datetime.fromisoformat("2026-03-01T23:59:58")


async def test_a_meter_on_a_serial_line() -> None:
    profile = find_profile("dlt645/single-phase")
    ours, theirs = pty.openpty(), pty.openpty()
    async with (
        peer(shown(profile), "serial", os.ttyname(theirs[1])),
        joined(ours[0], theirs[0]),
    ):
        found = await read(Serial(os.ttyname(ours[1]), 2400, 8, "even", 1), profile)
    for fd in (*ours, *theirs):
        os.close(fd)
    assert found == pytest.approx(dict(profile.sample.values))


@asynccontextmanager
async def joined(one: int, other: int) -> AsyncIterator[None]:
    """A cable between the masters of two terminal pairs."""
    loop = asyncio.get_running_loop()

    def pass_on(source: int, sink: int) -> None:
        os.write(sink, os.read(source, 4096))

    loop.add_reader(one, pass_on, one, other)
    loop.add_reader(other, pass_on, other, one)
    try:
        yield
    finally:
        loop.remove_reader(one)
        loop.remove_reader(other)


async def test_another_meter_than_the_one_asked_refuses() -> None:
    profile = find_profile("dlt645/single-phase")
    async with peer({}, "tcp", "0") as port:
        line = Dlt645Line(Tcp("127.0.0.1", port), 5)
        await line.open()
        with pytest.raises(Refused, match=r"another error \(error 0x01\)"):
            await line.device(profile, "999").reader(profile.points, profile.sample.ratios)()
        line.close()
