"""Profile files: find, read, check. Every fault is a sentence with file, line, place and remedy.

`load_profile(file)`, `find_profile("vendor/model", extra_dirs)`, `profile_names()`. The shape is
fixed by profile.schema.json; what a schema cannot say is checked by `profile_faults`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import msgspec

from gateway.contract.documents import (
    Document,
    DocumentFault,
    Problem,
    check_document,
    convert_document,
    parse_document,
    read_document,
)
from gateway.contract.fingerprint import Mark
from gateway.contract.profile import (
    REGISTER_PROTOCOL,
    Block,
    ClockFormat,
    ClockPlace,
    Deadband,
    Kind,
    Point,
    Profile,
    Quirks,
    RatioRegister,
    RatioRule,
    Ratios,
    RatioSource,
    Sample,
    Verify,
    Writable,
)
from gateway.contract.profile_faults import profile_faults
from gateway.contract.registers import Datatype, Order

SHIPPED = Path(__file__).parent.parent / "profiles"
SCHEMA_FILE = Path(__file__).with_name("profile.schema.json")
DEFAULT_MAX_GAP_S = 1800
DEFAULT_DEADBAND = "0.5%"
CIRCUIT_NUMBER = "{n}"
"""In a circuit's item: the number of the circuit, from 1."""


class _Write(msgspec.Struct):
    min: float
    max: float
    step: float | None = None


class _Place(msgspec.Struct):
    key: str
    unit: str
    address: int = 0
    offset: int = 0
    item: str | int = ""
    fc: int | None = None
    datatype: Datatype | None = None
    scale: float = 1.0
    kind: Kind = Kind.GAUGE
    ratio: RatioRule = RatioRule.NONE
    nan: list[int] = []
    modulus: int | None = None
    deadband: float | str | None = None
    poll: str = "fast"
    valid: tuple[float, float] | None = None
    max_gap_s: int | None = None
    write: _Write | None = None


class _Circuits(msgspec.Struct):
    count: int
    points: list[_Place]
    base: int = 0
    stride: int = 1


class _Defaults(msgspec.Struct):
    fc: int = 3
    datatype: Datatype = Datatype.FLOAT32
    max_gap_s: int = DEFAULT_MAX_GAP_S
    deadband: float | str = DEFAULT_DEADBAND


class _RatioRegister(msgspec.Struct):
    address: int
    datatype: Datatype
    fc: int | None = None
    scale: float = 1.0


class _Mark(msgspec.Struct):
    address: int
    fc: int | None = None
    datatype: Datatype = Datatype.UINT16
    values: list[int] = []
    text: str = ""


class _Clock(msgspec.Struct):
    address: int
    format: ClockFormat
    fc: int | None = None


class _Block(msgspec.Struct):
    fc: int
    start: int
    count: int


class _Words(msgspec.Struct):
    fc: int
    start: int
    words: list[int]


class _Sample(msgspec.Struct):
    values: dict[str, float | None]
    blocks: list[_Words] = []
    items: dict[str | int, str | float | None] = {}
    pt: float = 1.0
    ct: float = 1.0


class _Verify(msgspec.Struct):
    point: str
    tolerance_percent: float


class _Function(msgspec.Struct):
    fc: int
    max_registers: int


class _Quirks(msgspec.Struct):
    max_registers: int = 125
    max_gap: int | None = None
    pause_ms: int = 0
    functions: list[_Function] = []

    def quirks(self) -> Quirks:
        by_fc = {part.fc: part.max_registers for part in self.functions}
        return Quirks(self.max_registers, self.max_gap, self.pause_ms, by_fc)


class _File(msgspec.Struct):
    maker: str
    type: str
    title: dict[str, str]
    protocol: str
    values: str
    points: list[_Place]
    sample: _Sample
    verify: _Verify
    source: str
    verified: bool
    version: str | float = ""
    energy: str | None = None
    byte_order: str = "big"
    word_order: str = "high_first"
    ratio_source: RatioSource = RatioSource.NONE
    ratio_registers: dict[str, _RatioRegister] = {}
    defaults: _Defaults = msgspec.field(default_factory=_Defaults)
    circuits: _Circuits | None = None
    forbidden: list[_Block] = []
    quirks: _Quirks = msgspec.field(default_factory=_Quirks)
    fingerprint: list[_Mark] = []
    time_item: str = ""
    clock: _Clock | None = None


def load_profile(file: Path, name: str | None = None) -> Profile:
    """Read and check a profile file; DocumentFault lists everything wrong with it."""
    document = read_document(file)
    return _build(document, name or f"{file.parent.name}/{file.stem}", file.read_bytes())


def parse_profile(name: str, text: str) -> Profile:
    """A profile from YAML text, as uploaded at run time."""
    return _build(parse_document(f"{name}.yaml", text), name, text.encode())


def find_profile(name: str, extra_dirs: Sequence[Path] = ()) -> Profile:
    """The profile `vendor/model`; own folders go before the shipped ones."""
    for folder in (*extra_dirs, SHIPPED):
        file = folder / f"{name}.yaml"
        if file.is_file():
            return load_profile(file, name)
    known = ", ".join(profile_names(extra_dirs)) or "none"
    what = f"there is no profile {name!r}."
    todo = f"Known: {known}. Write {name}.yaml in a folder of `profile_dirs` or correct the name."
    raise DocumentFault([Problem(f"{name}.yaml", None, "", what, todo)])


def profile_names(extra_dirs: Iterable[Path] = ()) -> list[str]:
    """Every `vendor/model` that can be found, sorted."""
    found = {
        file.relative_to(folder).with_suffix("").as_posix()
        for folder in (*extra_dirs, SHIPPED)
        for file in folder.glob("*/*.yaml")
    }
    return sorted(found)


@cache
def profile_schema() -> Mapping[str, object]:
    """The JSON schema of a profile file."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    if not isinstance(schema, dict):
        raise TypeError(f"{SCHEMA_FILE} is not a JSON object")
    return schema


def _build(document: Document, name: str, content: bytes) -> Profile:
    problems = check_document(document, profile_schema())
    if problems:
        raise DocumentFault(problems)
    shape = convert_document(document, _File)
    profile = Profile(
        name=name,
        maker=shape.maker,
        type=shape.type,
        version=str(shape.version),
        titles=shape.title,
        protocol=shape.protocol,
        energy=shape.energy,
        order=Order(shape.byte_order == "little", shape.word_order == "low_first"),
        secondary=shape.values == "secondary",
        ratio_source=shape.ratio_source,
        ratio_registers={
            key: RatioRegister(
                place.fc or shape.defaults.fc, place.address, place.datatype, exact(place.scale)
            )
            for key, place in shape.ratio_registers.items()
        },
        points=tuple(_points(shape)),
        circuits=tuple(_circuit_names(shape)),
        forbidden=tuple(Block(part.fc, part.start, part.count) for part in shape.forbidden),
        quirks=shape.quirks.quirks(),
        sample=Sample(
            Ratios(exact(shape.sample.pt), exact(shape.sample.ct)),
            tuple(
                (Block(part.fc, part.start, len(part.words)), tuple(part.words))
                for part in shape.sample.blocks
            ),
            shape.sample.values,
            {str(item): raw for item, raw in shape.sample.items.items()},
        ),
        verify=Verify(shape.verify.point, shape.verify.tolerance_percent),
        source=shape.source,
        verified=shape.verified,
        hash=hashlib.sha256(content).hexdigest(),
        fingerprint=tuple(
            Mark(
                mark.fc or shape.defaults.fc,
                mark.address,
                mark.datatype,
                tuple(mark.values),
                mark.text,
            )
            for mark in shape.fingerprint
        ),
        time_item=shape.time_item,
        clock=_clock(shape),
    )
    faults = list(profile_faults(document, profile))
    if faults:
        raise DocumentFault(faults)
    return profile


def exact(number: float) -> Fraction:
    """The decimal a person wrote, not its binary neighbour: 0.1 is one tenth."""
    return Fraction(repr(number))


def _clock(shape: _File) -> ClockPlace | None:
    said = shape.clock
    if said is None:
        return None
    return ClockPlace(said.fc or shape.defaults.fc, said.address, said.format)


def _circuit_names(shape: _File) -> Iterator[str]:
    for index in range(shape.circuits.count if shape.circuits else 0):
        yield f"c{index + 1}"


def _points(shape: _File) -> Iterator[Point]:
    for place in shape.points:
        yield _point(place, shape, None, place.address, str(place.item))
    if shape.circuits is None:
        return
    in_registers = shape.protocol == REGISTER_PROTOCOL
    for index, circuit in enumerate(_circuit_names(shape)):
        base = shape.circuits.base + index * shape.circuits.stride
        for place in shape.circuits.points:
            number = base + place.offset
            if in_registers:
                yield _point(place, shape, circuit, number, "")
            else:
                item = str(place.item).replace(CIRCUIT_NUMBER, str(index + 1)) or str(number)
                yield _point(place, shape, circuit, 0, item)


def _point(place: _Place, shape: _File, circuit: str | None, address: int, item: str) -> Point:
    defaults = shape.defaults
    datatype = place.datatype or defaults.datatype
    return Point(
        key=place.key,
        circuit=circuit,
        fc=place.fc or defaults.fc,
        address=address,
        datatype=datatype,
        scale=exact(place.scale),
        unit=place.unit,
        kind=place.kind,
        ratio=place.ratio if shape.values == "secondary" else RatioRule.NONE,
        missing=frozenset(place.nan),
        modulus=_modulus(place, datatype),
        deadband=parse_deadband(defaults.deadband if place.deadband is None else place.deadband),
        slow=place.poll == "slow",
        max_gap_s=place.max_gap_s or defaults.max_gap_s,
        item=item,
        valid=place.valid,
        write=_writable(place.write),
    )


def _writable(write: _Write | None) -> Writable | None:
    return None if write is None else Writable(write.min, write.max, write.step)


def _modulus(place: _Place, datatype: Datatype) -> int | None:
    if place.kind is not Kind.REGISTER:
        return None
    if place.modulus is None and not datatype.is_float and not datatype.is_signed:
        return datatype.states
    return place.modulus


def parse_deadband(written: float | str) -> Deadband:
    """`2.5` in the point's unit or `"1%"` of the last report, as files write it."""
    if isinstance(written, str):
        return Deadband(percent=float(written.strip().rstrip("% ")))
    return Deadband(absolute=written)
