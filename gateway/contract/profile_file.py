"""Profile files: find, read, check. Every fault is a sentence with file, line, place and remedy.

`load_profile(file)`, `find_profile("vendor/model", extra_dirs)`, `profile_names()`. The shape is
fixed by profile.schema.json; what a schema cannot say (overlaps, the sample, ratios) is checked
here.
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
    parse_document,
    read_document,
)
from gateway.contract.profile import (
    REGISTER_PROTOCOL,
    Block,
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
)
from gateway.contract.registers import Datatype, Order

SHIPPED = Path(__file__).parent.parent / "profiles"
SCHEMA_FILE = Path(__file__).with_name("profile.schema.json")
DEFAULT_MAX_GAP_S = 1800
DEFAULT_DEADBAND = "0.5%"
CIRCUIT_NUMBER = "{n}"
"""In a circuit's item: the number of the circuit, from 1."""


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
    shape = msgspec.convert(document.data, _File)
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
    )
    faults = list(_faults(document, profile))
    if faults:
        raise DocumentFault(faults)
    return profile


def exact(number: float) -> Fraction:
    """The decimal a person wrote, not its binary neighbour: 0.1 is one tenth."""
    return Fraction(repr(number))


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
    )


def _modulus(place: _Place, datatype: Datatype) -> int | None:
    if place.kind is not Kind.REGISTER:
        return None
    if place.modulus is None and not datatype.is_float and not datatype.is_signed:
        return datatype.states
    return place.modulus


def parse_deadband(written: float | str) -> Deadband:
    """`2.5` in the point's unit or `"1%"` of the last report, as files write it."""
    if isinstance(written, str):
        return Deadband(percent=float(written.rstrip("% ")))
    return Deadband(absolute=written)


def _faults(document: Document, profile: Profile) -> Iterator[Problem]:
    yield from _double_names(document, profile)
    yield from _ratio_faults(document, profile)
    if profile.has_registers:
        yield from _out_of_place(document, profile)
        yield from _sample_faults(document, profile)
    else:
        yield from _item_faults(document, profile)
    names = {point.name for point in profile.points}
    if profile.verify.point not in names:
        what = f"the profile has no point {profile.verify.point!r}."
        yield document.problem(("verify", "point"), what, "Name one of its points.")


def _double_names(document: Document, profile: Profile) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, point in enumerate(profile.points):
        if point.name in seen:
            what = f"the key {point.key!r} is there twice."
            yield document.problem(("points", index), what, "Give each point a key of its own.")
        seen.add(point.name)


def _out_of_place(document: Document, profile: Profile) -> Iterator[Problem]:
    for index, point in enumerate(profile.points):
        end = point.address + point.words
        if end > 0x10000:
            what = f"{point.name} ends at register {end - 1}; the last one is 65535."
            yield document.problem(("points", index), what, "Correct address, base or stride.")
        for part in profile.forbidden:
            if part.fc == point.fc and point.address < part.end and part.start < end:
                what = f"{point.name} lies in a forbidden range (from {part.start})."
                yield document.problem(("points", index), what, "Correct one of the two.")


def _ratio_faults(document: Document, profile: Profile) -> Iterator[Problem]:
    ratioed = any(point.ratio is not RatioRule.NONE for point in profile.points)
    if profile.secondary and not ratioed:
        what = "values are secondary, but no point has a ratio rule."
        yield document.problem(("values",), what, "Give U pt, I ct, P and energy pct.")
    if profile.secondary and profile.ratio_source is RatioSource.NONE:
        what = "values are secondary, but nothing says where the ratios come from."
        yield document.problem(("values",), what, "Set ratio_source: meter or configuration.")
    if profile.ratio_source is RatioSource.METER and not profile.ratio_registers:
        what = "the ratios come from the meter, but no register is named."
        yield document.problem(("ratio_source",), what, "Add ratio_registers with pt and ct.")


def _item_faults(document: Document, profile: Profile) -> Iterator[Problem]:
    """Samples of items are decoded by their drivers; here only that each has its raw value."""
    points = {point.name: point for point in profile.points}
    for name in profile.sample.values:
        point = points.get(name)
        path = ("sample", "values", name)
        if point is None:
            yield document.problem(path, "the profile has no such point.", "Correct the name.")
        elif point.item not in profile.sample.items:
            what = f"the sample's items do not hold {point.item!r}."
            yield document.problem(path, what, "Add it to sample.items.")


def _sample_faults(document: Document, profile: Profile) -> Iterator[Problem]:
    words = {
        (block.fc, block.start + index): word
        for block, values in profile.sample.blocks
        for index, word in enumerate(values)
    }
    points = {point.name: point for point in profile.points}
    for name, expected in profile.sample.values.items():
        path = ("sample", "values", name)
        point = points.get(name)
        if point is None:
            yield document.problem(path, "the profile has no such point.", "Correct the name.")
            continue
        places = [(point.fc, point.address + index) for index in range(point.words)]
        if any(place not in words for place in places):
            what = f"the sample's blocks do not hold registers {point.address}+{point.words}."
            yield document.problem(path, what, "Add them to sample.blocks.")
            continue
        found = profile.decode(
            point, tuple(words[place] for place in places), profile.sample.ratios
        )
        if not _close(found, expected):
            what = f"the registers mean {found}, the sample says {expected}."
            yield document.problem(path, what, "Check datatype, orders, scale and ratio.")


def _close(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= 1e-6 * max(1.0, abs(expected))
