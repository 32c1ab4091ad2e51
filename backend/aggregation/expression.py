"""Expressions of virtual meters: safe arithmetic over meters, exact, with units. Pure.

    main - (press_1 + press_2)         boiler * 9.8 [kWh/m3]         hall * (line / (line + oven))

Names are slugs of meters (a name may hold hyphens, so a minus stands between spaces). There are
+ - * /, parentheses, numbers, `min`, `max` and `abs`. Nothing is ever evaluated as code: the text
is parsed to a frozen tree.

Units: a meter's term has the unit of its energy, and terms that are added or compared must be of
one energy. Only a number with a unit, `0.5 [kWh]` or `9.8 [kWh/m3]`, makes one energy of another:
what it multiplies is converted and fits any energy of the resulting unit. A number without a unit
is a plain factor. The whole must come out in the unit of the virtual meter's energy.

Values are exact fractions in base units of their dimension (gateway/contract/units.py), per quarter
hour; a constant with a unit counts so much every quarter hour.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from backend.core.errors import InvalidInput
from gateway.contract.energy import EnergyType
from gateway.contract.units import UNITS

MOST_CHARACTERS: Final = 2_000
MOST_NESTED: Final = 20
"""Parentheses inside parentheses."""
FUNCTIONS: Final = ("abs", "max", "min")

_TOKEN: Final = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<name>[a-z0-9][a-z0-9_-]*)|(?P<unit>\[[^\]]*\])"
    r"|(?P<sign>[-+*/(),])"
)
_PLAIN: Final[tuple[tuple[str, int], ...]] = ()


class Dimension(NamedTuple):
    """What a term measures: exponents by dimension, and of which energy it is.

    `energy` None: of none in particular (a plain number, or a product of energies); `converted`: by
    a number with a unit, fits any energy.
    """

    exponents: tuple[tuple[str, int], ...] = _PLAIN
    energy: str | None = None
    converted: bool = False

    def __str__(self) -> str:
        """Answer it for people: the energy, else the dimensions."""
        parts = [name if power == 1 else f"{name}^{power}" for name, power in self.exponents]
        return self.energy or " ".join(parts) or "1"


@dataclass(frozen=True, slots=True)
class Number:
    """A constant in base units."""

    value: Fraction
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Term:
    """What a meter counted in the quarter hour."""

    name: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Parts that are added, or taken away where the flag says so."""

    parts: "tuple[tuple[bool, Node], ...]"


@dataclass(frozen=True, slots=True)
class Product:
    """Parts that multiply, or divide where the flag says so."""

    parts: "tuple[tuple[bool, Node], ...]"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of FUNCTIONS."""

    function: str
    arguments: "tuple[Node, ...]"


Node = Number | Term | Sum | Product | Call


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Answer the tree of an expression. Raises InvalidInput that says where it cannot be read."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput("expression_long", most=MOST_CHARACTERS)
    return _Parser(text).whole()


def names(node: Node) -> frozenset[str]:
    """Answer the meters that an expression is over."""
    return frozenset(one.name for one in _walk(node) if isinstance(one, Term))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Sum(parts) | Product(parts):
            for _, part in parts:
                yield from _walk(part)
        case Call(_, arguments):
            for one in arguments:
                yield from _walk(one)
        case _:
            pass


class Addend(NamedTuple):
    """A part of a sum: `coefficient` (base units) times a meter, or what is not linear in one."""

    coefficient: Fraction
    node: Node


def addends(node: Node) -> list[Addend]:
    """Answer what an expression adds up, as far as it is linear; each meter at most once.

    Raises ZeroDivisionError where it always would.
    """
    found: dict[Node, Fraction] = {}
    for one in _addends(node, Fraction(1)):
        found[one.node] = found.get(one.node, Fraction(0)) + one.coefficient
    return [Addend(coefficient, part) for part, coefficient in found.items()]


def _addends(node: Node, times: Fraction) -> Iterator[Addend]:
    match node:
        case Sum(parts):
            for minus, part in parts:
                yield from _addends(part, -times if minus else times)
        case Product(parts):
            numbers = [one for one in parts if isinstance(one[1], Number)]
            others = tuple(one for one in parts if not isinstance(one[1], Number))
            factor = times * value(Product(tuple(numbers)), {})
            match others:
                case ((False, inner),):
                    yield from _addends(inner, factor)
                case ():
                    yield Addend(factor, Number(Fraction(1), Dimension()))
                case _:
                    yield Addend(factor, Product(others))
        case _:
            yield Addend(times, node)


def value(node: Node, figures: Mapping[str, Fraction]) -> Fraction:
    """Answer the value where meters counted `figures` (base units). Raises ZeroDivisionError."""
    match node:
        case Number(number):
            return number
        case Term(name):
            return figures[name]
        case Sum(parts):
            return sum(
                (-value(part, figures) if minus else value(part, figures) for minus, part in parts),
                Fraction(0),
            )
        case Product(parts):
            product = Fraction(1)
            for divides, part in parts:
                factor = value(part, figures)
                product = product / factor if divides else product * factor
            return product
        case Call(function, arguments):
            return _called(function, [value(one, figures) for one in arguments])


def _called(function: str, values: list[Fraction]) -> Fraction:
    if function == "abs":
        return abs(values[0])
    return min(values) if function == "min" else max(values)


def check(node: Node, energies: Mapping[str, EnergyType], result: EnergyType) -> None:
    """Raise InvalidInput unless the units fit and the whole is of `result`'s energy."""
    found = _dimension(node, energies)
    wanted = _of(result)
    fits = found.converted or found.energy == wanted.energy
    if found.exponents != wanted.exponents or not fits:
        raise InvalidInput("expression_result", found=str(found), wanted=result.code)


def _of(energy: EnergyType) -> Dimension:
    return Dimension(((energy.unit.dimension, 1),), energy.code)


def _dimension(node: Node, energies: Mapping[str, EnergyType]) -> Dimension:
    match node:
        case Number(_, dimension):
            return dimension
        case Term(name):
            return _of(energies[name])
        case Sum(parts):
            return _alike([_dimension(part, energies) for _, part in parts])
        case Call(_, arguments):
            return _alike([_dimension(one, energies) for one in arguments])
        case Product(parts):
            return _multiplied([(divides, _dimension(part, energies)) for divides, part in parts])


def _alike(found: list[Dimension]) -> Dimension:
    """Answer the one dimension of parts that are added or compared."""
    first = found[0]
    for other in found[1:]:
        fits = first.converted or other.converted or first.energy == other.energy
        if first.exponents != other.exponents or not fits:
            raise InvalidInput("expression_units", left=str(first), right=str(other))
        first = other if first.converted else first
    return first


def _multiplied(parts: list[tuple[bool, Dimension]]) -> Dimension:
    exponents: dict[str, int] = {}
    for divides, part in parts:
        for name, power in part.exponents:
            exponents[name] = exponents.get(name, 0) + (-power if divides else power)
    left = tuple(sorted((name, power) for name, power in exponents.items() if power))
    if any(part.converted for _, part in parts):
        return Dimension(left, None, converted=bool(left))
    carriers = {part.energy for _, part in parts if part.exponents}
    whole = len(carriers) == 1 and len(left) == 1 and left[0][1] == 1
    return Dimension(left, carriers.pop() if whole else None)


class _Parser:
    """One pass over the tokens of an expression; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.place = 0
        self.nested = 0

    def whole(self) -> Node:
        """Read everything."""
        found = self._sum()
        if self._kind() != "end":
            raise self._wrong()
        return found

    def _sum(self) -> Node:
        parts = [(False, self._product())]
        while self._shown() in {"+", "-"}:
            parts.append((self._take() == "-", self._product()))
        return parts[0][1] if len(parts) == 1 else Sum(tuple(parts))

    def _product(self) -> Node:
        parts = [(False, self._factor())]
        while self._shown() in {"*", "/"}:
            parts.append((self._take() == "/", self._factor()))
        return parts[0][1] if len(parts) == 1 else Product(tuple(parts))

    def _factor(self) -> Node:
        if self._shown() == "-":
            self._take()
            return Sum(((True, self._nest(self._factor)),))
        kind = self._kind()
        if kind == "number":
            return self._number()
        if kind == "name":
            name = self._take()
            return self._call(name) if name in FUNCTIONS and self._shown() == "(" else Term(name)
        self._expect("(")
        inner = self._nest(self._sum)
        self._expect(")")
        return inner

    def _nest(self, rule: Callable[[], Node]) -> Node:
        self.nested += 1
        if self.nested > MOST_NESTED:
            raise InvalidInput("expression_nested", most=MOST_NESTED)
        found = rule()
        self.nested -= 1
        return found

    def _call(self, function: str) -> Node:
        self._expect("(")
        arguments = [self._nest(self._sum)]
        while self._shown() == "," and function != "abs":
            self._take()
            arguments.append(self._nest(self._sum))
        self._expect(")")
        return Call(function, tuple(arguments))

    def _number(self) -> Node:
        number = Fraction(self._take())
        if self._kind() != "unit":
            return Number(number, Dimension())
        factor, exponents = _unit(self._take()[1:-1].strip())
        return Number(number * factor, Dimension(exponents, None, converted=True))

    def _expect(self, sign: str) -> None:
        if self._shown() != sign:
            raise self._wrong()
        self._take()

    def _take(self) -> str:
        shown = self._shown()
        self.place += 1
        return shown

    def _kind(self) -> str:
        return self.tokens[self.place][0]

    def _shown(self) -> str:
        return self.tokens[self.place][1]

    def _wrong(self) -> InvalidInput:
        kind, shown, at = self.tokens[self.place]
        return InvalidInput("expression_end" if kind == "end" else "expression_syntax",
                            at=at + 1, found=shown[:40])  # fmt: skip


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Answer (kind, text, place) of each token, then the end."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise InvalidInput("expression_syntax", at=at + 1, found=text[at : at + 10])
        yield found.lastgroup, found.group(), at
        at = found.end()
    yield "end", "", len(text)


def _unit(code: str) -> tuple[Fraction, tuple[tuple[str, int], ...]]:
    """Answer base units and exponents of `kWh` or `kWh/m3`."""
    over, slash, under = (code, "", "") if code in UNITS else code.partition("/")
    unknown = next((one for one in (over, under) if one.strip() not in UNITS and one), None)
    if unknown is not None or not over or (slash and not under):
        raise InvalidInput("expression_unit", unit=(unknown or code)[:20])
    first = UNITS[over.strip()]
    if not slash:
        return first.base, ((first.dimension, 1),)
    second = UNITS[under.strip()]
    ratio = first.base / second.base
    if first.dimension == second.dimension:
        return ratio, ()
    return ratio, tuple(sorted({first.dimension: 1, second.dimension: -1}.items()))
