"""Several meters on one bus that answer at the same time: all are found, however alike they are."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.drivers.capabilities import Address, Discovers, Tcp, Unit
from gateway.drivers.dlt645 import line as dlt645_line
from gateway.drivers.dlt645.frame import Frame, take_frames
from gateway.drivers.dlt645.line import open_line
from gateway.drivers.dlt645.search import Heard, is_noise, search
from tests.gateway.dlt645_meter import SimpleMeter

FIVE = ("000000000101", "000000000201", "000000010301", "000000020301", "123456789099")


class Bus:
    """RS-485 with meters that answer nearly at once: a wire that one pulls to 0 is 0 for all."""

    def __init__(self, *addresses: str) -> None:
        self.meters = [SimpleMeter(address, {}) for address in addresses]
        self.requests: list[str] = []
        self.said = b""

    def flush_input(self) -> int:
        self.said = b""
        return 0

    async def write(self, data: bytes) -> None:
        [request] = take_frames(bytearray(data))
        self.requests.append(request.address)
        said = [
            b"".join(meter.respond(request.address, request.control, request.data))
            for meter in self.meters
        ]
        self.said = mixed([part for part in said if part])

    async def read(self, timeout_s: float) -> bytes:
        assert timeout_s >= 0
        said, self.said = self.said, b""
        return said

    def close(self) -> None:
        self.meters.clear()


def mixed(parts: Sequence[bytes]) -> bytes:
    """What a receiver hears of telegrams that begin a byte after one another."""
    late = [b"\xff" * delay + part for delay, part in enumerate(parts)]
    heard = bytearray(b"\xff" * max(map(len, late), default=0))
    for part in late:
        for index, byte in enumerate(part):
            heard[index] &= byte
    return bytes(heard)


async def found_on(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Unit], list[int]]:
    """What a search of the line finds, and how far it said to be."""

    async def opened(*_: object) -> Bus:
        return bus

    monkeypatch.setattr(dlt645_line, "open_stream", opened)
    line = open_line(Address("dlt645", Tcp("192.0.2.1", 1)), 0.3)
    assert isinstance(line, Discovers)
    steps: list[int] = []
    await line.open()
    found = await line.discover(lambda done, _all, _found: steps.append(done), 600)
    return sorted(found), steps


async def test_five_meters_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus(*FIVE)
    found, steps = await found_on(bus, monkeypatch)
    assert found == sorted(FIVE)
    assert steps == list(range(1, 101))
    # Everybody, the last pair, the pair before 01, the pair before 0301; each who answered by name.
    assert len(bus.requests) == 1 + 100 + 100 + 100 + 5
    assert bus.requests[:3] == ["AAAAAAAAAAAA", "AAAAAAAAAA00", "AAAAAAAAAA01"]


async def test_one_meter_needs_one_question_and_none_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for addresses in ((), FIVE[:1]):
        bus = Bus(*addresses)
        found, steps = await found_on(bus, monkeypatch)
        assert (found, steps) == (list(addresses), [1])
        assert bus.requests == ["AAAAAAAAAAAA", *addresses]


async def test_meters_that_answer_one_after_the_other_are_all_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus = Bus(*FIVE[:2])
    monkeypatch.setattr(f"{__name__}.mixed", b"".join)
    found, _ = await found_on(bus, monkeypatch)
    assert found == sorted(FIVE[:2])


async def test_a_telegram_of_nobody_is_no_meter() -> None:
    asked: list[str] = []

    async def hear(request: Frame) -> Heard:
        asked.append(request.address)
        phantom = Frame("000000000042", 0x91)
        return Heard((phantom,) if request.address == "AAAAAAAAAAAA" else (), noise=False)

    found: list[str] = []
    await search(hear, lambda *_: None, found)
    assert found == []
    assert asked[:3] == ["AAAAAAAAAAAA", "000000000042", "AAAAAAAAAA00"]


@settings(max_examples=25)
@given(
    st.sets(
        st.tuples(*[st.sampled_from(["00", "01", "10", "98"])] * 3).map(lambda p: "".join(p) * 2),
        max_size=5,
    )
)
async def test_whatever_the_addresses_are(addresses: set[str]) -> None:
    bus, found = Bus(*addresses), list[str]()

    async def hear(request: Frame) -> Heard:
        await bus.write(request.encode())
        heard = await bus.read(0)
        answers = tuple(take_frames(bytearray(heard)))
        return Heard(answers, is_noise(heard, answers))

    await search(hear, lambda *_: None, found)
    assert set(found) == addresses
