"""Dead units on a serial bus (case 15): the healthy ones keep their schedule over a real terminal.

The schedule runs on a manual clock, the bytes on a real one, so a slow machine changes nothing.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from gateway.contract.clock import ManualClock
from gateway.contract.profile_file import find_profile
from gateway.drivers.modbus import open_line, quiet
from gateway.poll import LinePoller, Polled
from tests.gateway.modbus_peers import Say, on_terminal, rtu, words_pdu
from tests.gateway.test_poll import Notes

START = datetime(2026, 3, 1, 8, 0, 0, 500_000, tzinfo=UTC)
PROFILE = find_profile("generic/pulse-counter")
SECONDS = 10
ASKED_AT_MOST = 4
"""Times that a dead unit is asked in 10 seconds: after 0, 1, 3 and 7 of them."""


@pytest.mark.parametrize(("units", "dead"), [(50, 10), (32, 1)])
async def test_dead_units_cost_the_others_nothing(
    units: int, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The manual clock does not pass while a bus is listened to.
    monkeypatch.setattr(quiet, "LATE_S", 0.0)
    asked: Counter[int] = Counter()

    def script(request: bytes, say: Say) -> None:
        unit, count = request[0], request[5]
        asked[unit] += 1
        if unit > dead:
            say(rtu(unit, words_pdu([unit] * count, request[1])))

    clock, notes = ManualClock(START), Notes()
    async with on_terminal(script) as address:
        line = open_line(address, 0.15)
        devices = [
            Polled(f"m{unit}", PROFILE, line.device(PROFILE, unit), 1000)
            for unit in range(1, units + 1)
        ]
        healthy = [device.slug for device in devices[dead:]]
        poller = LinePoller(line, devices, clock, notes)
        task = asyncio.create_task(poller.run())
        for second in range(SECONDS):
            async with asyncio.timeout(150):
                while any(len(notes.samples.get(slug, [])) <= second for slug in healthy):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)  # real bytes
            # As an urgent job, so that no probe is on the way while time passes.
            await poller.urgent(lambda: clock.advance(1))
        standing = poller.standing
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    begin = round(START.timestamp() * 1000) + 500
    for slug in healthy:
        assert notes.samples[slug][1:SECONDS] == [begin + 1000 * n for n in range(SECONDS - 1)]
    assert all(1 <= asked[unit] <= ASKED_AT_MOST for unit in range(1, dead + 1))
    assert sum(asked[unit] for unit in range(1, dead + 1)) > dead
    assert [(one.alive, one.polls) for one in standing.devices[:dead]] == [(False, 0)] * dead
    assert {(one.alive, one.late, one.failed) for one in standing.devices[dead:]} == {(True, 0, 0)}
