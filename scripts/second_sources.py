"""What second sources say of devices: `tests/gateway/frames/<vendor>-<model>.yaml`.

A second source is a `frame` (bytes that a document or log prints), `test data` (register contents
and their meaning in the tests of another library) or a `list` (another public register list; the
registers were filled in by its types, orders, scales and units, not by our profile).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
import yaml

FRAMES = Path(__file__).resolve().parent.parent / "tests" / "gateway" / "frames"
CRC_POLYNOMIAL = 0xA001


class Evidence(StrEnum):
    """What a second source gives."""

    FRAME = "frame"
    TEST_DATA = "test data"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Image:
    """Registers by function code and address, and the values they mean by point name."""

    registers: Mapping[tuple[int, int], int]
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Second:
    """One second source of a device."""

    source: str
    kind: Evidence
    images: tuple[Image, ...]

    @property
    def points(self) -> set[str]:
        """Names of the points it speaks of."""
        return {name for image in self.images for name in image.values}


class _Frame(msgspec.Struct, forbid_unknown_fields=True):
    request: str
    response: str
    values: dict[str, float | None]


class _Registers(msgspec.Struct, forbid_unknown_fields=True):
    fc: int
    start: int
    words: list[int]
    values: dict[str, float | None]


class _Second(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    kind: Evidence
    frames: list[_Frame] = []
    registers: list[_Registers] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    profile: str
    seconds: list[_Second]


def second_sources(folder: Path = FRAMES) -> dict[str, tuple[Second, ...]]:
    """The second sources of every device that has one. ValueError for a frame that is none."""
    found: dict[str, tuple[Second, ...]] = {}
    for file in sorted(folder.glob("*.yaml")):
        shape = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), _File)
        if file.stem != shape.profile.replace("/", "-"):
            raise ValueError(f"{file.name} is about {shape.profile}")
        found[shape.profile] = tuple(
            Second(second.source, second.kind, tuple(_images(second))) for second in shape.seconds
        )
    return found


def _images(second: _Second) -> Iterator[Image]:
    for frame in second.frames:
        yield Image(rtu_registers(frame.request, frame.response), frame.values)
    for part in second.registers:
        words = {(part.fc, part.start + index): word for index, word in enumerate(part.words)}
        yield Image(words, part.values)


def rtu_registers(request: str, response: str) -> dict[tuple[int, int], int]:
    """Registers that a pair of Modbus RTU frames (hex) carries. ValueError when it is no pair."""
    asked, answered = (_checked(bytes.fromhex(text)) for text in (request, response))
    fc, start, count = asked[1], int.from_bytes(asked[2:4]), int.from_bytes(asked[4:6])
    if answered[:3] != bytes((asked[0], fc, 2 * count)) or len(answered) != 3 + 2 * count:
        raise ValueError(f"{response} does not answer {request}")
    words = (answered[3 + 2 * index : 5 + 2 * index] for index in range(count))
    return {(fc, start + index): int.from_bytes(word) for index, word in enumerate(words)}


def _checked(frame: bytes) -> bytes:
    body, sent = frame[:-2], int.from_bytes(frame[-2:], "little")
    if crc16(body) != sent:
        raise ValueError(f"{frame.hex(' ')} has a wrong check sum")
    return body


def crc16(data: bytes) -> int:
    """The check sum of Modbus RTU (Modbus over serial line V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC_POLYNOMIAL if crc & 1 else 0)
    return crc
