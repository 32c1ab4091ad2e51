"""Virtual meters: quarter hours computed from those of other meters, also of virtual ones.

A virtual meter has an account of a quarter hour only where every meter of its expression has one:
what is missing is never a zero. A meter of the expression that is not there at that time (before
its `valid_from`, after its `valid_to`) counts nothing. The quality is the worst of the inputs, the
estimated part what the result would lose without the inputs' estimated parts, and as many seconds
are measured as of the input with the fewest. Where the expression divides by zero there is no
account. All exact; the result is rounded once, half even.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from backend.aggregation.cells import QUARTER_S, Cell, array
from backend.aggregation.curve import half_even
from backend.aggregation.expression import Node, check, names, parse, value
from backend.aggregation.quarters import Hole, Quarter
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput
from gateway.contract.energy import EnergyType, energy_type

log = logging.getLogger(__name__)

MOST_DEEP: Final = 8
"""Virtual meters over virtual meters."""
MICROS: Final = 1_000_000


class Row(NamedTuple):
    """A quarter hour of an input."""

    qty: int
    estimated: int
    quality: int
    measured_s: int


NOTHING: Final = Row(0, 0, 0, QUARTER_S)
"""What a meter that is not there counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """A meter that a name of an expression stands for: its energy, and [first, last) in seconds."""

    id: int
    slug: str
    energy: EnergyType
    first: float
    last: float

    def there(self, second: int) -> bool:
        """Tell whether the meter is there in the quarter hour that begins at a Unix second."""
        return self.first < second + QUARTER_S and second < self.last


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual meter, what it is computed from, and how many virtual meters deep it stands."""

    meter: Place
    tree: Node
    inputs: Mapping[str, Place]
    depth: int = 0


def quarter(virtual: Virtual, second: int, rows: Mapping[int, Row]) -> Quarter | None:
    """Answer a quarter hour from the rows of its inputs by meter; None where there is none."""
    if not virtual.meter.there(second):
        return None
    there = {name: one for name, one in virtual.inputs.items() if one.there(second)}
    if not there or any(one.id not in rows for one in there.values()):
        return None
    given = {name: rows[there[name].id] if name in there else NOTHING for name in virtual.inputs}
    try:
        qty = _quantity(virtual, {name: row.qty for name, row in given.items()})
        certain = qty
        if any(row.estimated for row in given.values()):
            certain = _quantity(virtual, {n: row.qty - row.estimated for n, row in given.items()})
    except ZeroDivisionError:
        return None
    return Quarter(
        virtual.meter.id,
        virtual.meter.energy.code,
        second,
        qty,
        qty - certain,
        max(row.quality for row in given.values()),
        min(row.measured_s for row in given.values()),
    )


def _quantity(virtual: Virtual, counted: Mapping[str, int]) -> int:
    figures = {
        name: qty * virtual.inputs[name].energy.smallest_unit.base for name, qty in counted.items()
    }
    exact = value(virtual.tree, figures) / virtual.meter.energy.smallest_unit.base
    return half_even(exact.numerator, exact.denominator)


def compute(
    virtuals: Iterable[Virtual],
    starts: Mapping[int, set[int]],
    rows: Mapping[int, Mapping[int, Row]],
) -> tuple[list[Quarter], list[Hole]]:
    """Answer quarter hours and holes of virtual meters; `starts` by meter, `rows` by second."""
    quarters: list[Quarter] = []
    holes: list[Hole] = []
    for virtual in virtuals:
        meter, energy = virtual.meter.id, virtual.meter.energy.code
        for second in sorted(starts.get(meter, ())):
            found = quarter(virtual, second, rows.get(second, {}))
            if found is None:
                hole = Hole(meter, energy, second * MICROS, (second + QUARTER_S) * MICROS)
                joined = bool(holes) and holes[-1].meter == meter and holes[-1].high == hole.low
                holes[-1:] = [holes[-1]._replace(high=hole.high)] if joined else [*holes[-1:], hole]
            else:
                quarters.append(found)
    return quarters, holes


def depths(uses: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Answer how deep each virtual meter stands: 0 over real meters only.

    `uses` are the names of each virtual meter's expression. Raises InvalidInput that names a circle
    or what is too deep.
    """
    found: dict[str, int] = {}
    for name in uses:
        _depth(name, uses, found, ())
    return found


def _depth(
    name: str, uses: Mapping[str, Iterable[str]], found: dict[str, int], path: tuple[str, ...]
) -> int:
    if name in path:
        circle = (*path[path.index(name) :], name)
        raise InvalidInput("expression_circle", meter=name, path=" → ".join(circle))
    if name not in found:
        if len(path) > MOST_DEEP:
            raise InvalidInput("expression_deep", meter=path[0], most=MOST_DEEP)
        below = [_depth(one, uses, found, (*path, name)) for one in uses[name] if one in uses]
        found[name] = 1 + max(below) if below else 0
        if found[name] > MOST_DEEP:
            raise InvalidInput("expression_deep", meter=name, most=MOST_DEEP)
    return found[name]


@dataclass(frozen=True, slots=True)
class Formulas:
    """The virtual meters of a project in the order of computing, and who stands on each meter."""

    ordered: Sequence[Virtual] = ()

    def above(self, cells: Iterable[Cell]) -> set[Cell]:
        """Answer the quarter hours of virtual meters that stand on these of meters."""
        users: dict[int, list[Virtual]] = {}
        for virtual in self.ordered:
            for one in virtual.inputs.values():
                users.setdefault(one.id, []).append(virtual)
        if not users:
            return set()
        return {
            Cell(user.meter.id, user.meter.energy.code, cell.start, cell.end)
            for cell in cells
            for user in users.get(cell.scope_id, ())
        }


_VIRTUALS: Final = """
SELECT slug, expression FROM meter
WHERE project_id = %s AND source = 'virtual' AND expression IS NOT NULL ORDER BY slug
"""
_PLACES: Final = """
SELECT id, slug, energy, coalesce(extract(epoch FROM valid_from)::float8, '-infinity') AS first,
       coalesce(extract(epoch FROM valid_to)::float8, 'infinity') AS last
FROM meter WHERE project_id = %s AND slug = ANY(%s)
"""


async def read_places(tx: ReadSession, project_id: int, slugs: Iterable[str]) -> dict[str, Place]:
    """Answer the meters of these names that there are."""
    rows = await tx.fetch_tuples(_PLACES, (project_id, sorted(set(slugs))))
    return {
        slug: Place(number, slug, energy_type(energy), first, last)
        for number, slug, energy, first, last in rows
    }


async def _texts(tx: ReadSession, project_id: int) -> dict[str, str]:
    return {slug: text for slug, text in await tx.fetch_tuples(_VIRTUALS, (project_id,))}  # noqa: C416 - typed


async def read_formulas(tx: ReadSession, project_id: int) -> Formulas:
    """Answer a project's virtual meters; one that cannot be computed is logged and left out."""
    texts = await _texts(tx, project_id)
    trees: dict[str, Node] = {}
    for slug, text in texts.items():
        try:
            trees[slug] = parse(text)
        except InvalidInput as error:
            log.error("Virtual meter %s of project %s: %s", slug, project_id, error)  # noqa: TRY400 - the sentence says all
    if not trees:
        return Formulas()
    uses = {slug: names(tree) for slug, tree in trees.items()}
    places = await read_places(
        tx, project_id, {*trees, *(n for used in uses.values() for n in used)}
    )
    return Formulas(tuple(_ordered(project_id, trees, uses, places)))


def _ordered(
    project_id: int,
    trees: Mapping[str, Node],
    uses: Mapping[str, frozenset[str]],
    places: Mapping[str, Place],
) -> list[Virtual]:
    found: list[Virtual] = []
    for slug, tree in trees.items():
        try:
            depth = depths(_below(slug, uses))[slug]
            inputs = resolved(slug, tree, places[slug].energy, places)
        except InvalidInput as error:
            log.error("Virtual meter %s of project %s: %s", slug, project_id, error)  # noqa: TRY400 - the sentence says all
            continue
        found.append(Virtual(places[slug], tree, inputs, depth))
    return sorted(found, key=lambda one: (one.depth, one.meter.id))


def _below(slug: str, uses: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Answer the part of `uses` that a virtual meter reaches."""
    reached: dict[str, frozenset[str]] = {}
    waiting = [slug]
    while waiting:
        name = waiting.pop()
        if name in uses and name not in reached:
            reached[name] = uses[name]
            waiting.extend(uses[name])
    return reached


def resolved(
    slug: str, tree: Node, energy: EnergyType, places: Mapping[str, Place]
) -> dict[str, Place]:
    """Answer the meters of an expression. Raises InvalidInput for one that is not, or for units."""
    inputs = names(tree)
    if not inputs:
        raise InvalidInput("expression_no_meter", meter=slug)
    if slug in inputs:
        raise InvalidInput("expression_circle", meter=slug, path=f"{slug} → {slug}")
    unknown = sorted(inputs - places.keys())
    if unknown:
        raise InvalidInput("expression_unknown", meter=slug, name=unknown[0][:60])
    check(tree, {name: places[name].energy for name in inputs}, energy)
    return {name: places[name] for name in sorted(inputs)}


async def check_expression(
    tx: ReadSession, project_id: int, slug: str, energy: EnergyType, text: str
) -> None:
    """Raise InvalidInput, with the meter's name, unless `slug` may have this expression.

    The meter need not be there yet. Who then writes the expression marks what it changes by
    `stale.mark_again`, in the same transaction.
    """
    try:
        tree = parse(text)
        texts = await _texts(tx, project_id)
        uses = {one: names(parse(other)) for one, other in texts.items()} | {slug: names(tree)}
        resolved(slug, tree, energy, await read_places(tx, project_id, names(tree)))
        depths(uses)
    except InvalidInput as error:
        raise InvalidInput(error.error_code, **{"meter": slug, **error.params}) from error


_ROWS: Final = """
SELECT b.scope_id, c.start, b.qty, b.estimated_qty, b.quality, b.measured_s
FROM (SELECT * FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(starts)s::bigint[])
      AS u (id, energy, start) OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT * FROM account k WHERE k.project_id = %(project)s AND k.scope = 1 AND k.scope_id = c.id
    AND k.energy = c.energy AND k.period = 1
    AND k.start_ts = timestamptz 'epoch' + c.start * interval '1 second' OFFSET 0
) AS b
"""


async def read_rows(
    tx: ReadSession,
    project_id: int,
    virtuals: Iterable[Virtual],
    starts: Mapping[int, set[int]],
) -> dict[int, dict[int, Row]]:
    """Answer the inputs' quarter hours, by second and meter."""
    wanted = {
        (one.id, one.energy.code, second)
        for virtual in virtuals
        for one in virtual.inputs.values()
        for second in starts.get(virtual.meter.id, ())
    }
    found: dict[int, dict[int, Row]] = {}
    if wanted:
        ids, energies, seconds = (array(column) for column in zip(*sorted(wanted), strict=True))
        keys = {"project": project_id, "ids": ids, "energies": energies, "starts": seconds}
        for meter, second, *row in await tx.fetch_tuples(_ROWS, keys):
            found.setdefault(second, {})[meter] = Row(*row)
    return found
