"""Which places lie below a place, and which meters count where and when, for one energy."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backend.core.db import ReadSession
from backend.service.plant.rows import SUPPLY


@dataclass(frozen=True, slots=True)
class Member:
    """A meter that counts for a place in [valid_from, valid_to)."""

    node_id: int
    meter_id: int
    coefficient: Decimal
    valid_from: datetime
    valid_to: datetime | None
    accuracy: Decimal | None

    def holds(self, at: datetime) -> bool:
        """Whether it counts in the quarter hour that begins then."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)

    def holds_within(self, start: datetime, end: datetime) -> bool:
        """Whether it counts at any time of [start, end)."""
        return self.valid_from < end and (self.valid_to is None or self.valid_to > start)


@dataclass(frozen=True, slots=True)
class _Place:
    id: int
    parent_id: int | None
    kind: str


class Members:
    """The tree and its meters of one energy."""

    def __init__(self, places: Sequence[_Place], members: Sequence[Member]) -> None:
        """Index the rows."""
        self._below: defaultdict[int | None, list[int]] = defaultdict(list)
        for place in places:
            if place.kind != SUPPLY:
                self._below[place.parent_id].append(place.id)
        self._members: defaultdict[int, list[Member]] = defaultdict(list)
        for member in members:
            self._members[member.node_id].append(member)
        self.accuracy: Mapping[int, Decimal | None] = {
            member.meter_id: member.accuracy for member in members
        }

    def of(self, node_id: int) -> Sequence[Member]:
        """The meters of a place."""
        return self._members.get(node_id, ())

    def counts(self, node_id: int, start: datetime, end: datetime) -> bool:
        """Tell whether a place counts a meter at any time of a span."""
        return any(one.holds_within(start, end) for one in self.of(node_id))

    def parts(self, node_id: int) -> list[int]:
        """The nearest places below that have meters of the energy, in the tree's order."""
        found: list[int] = []
        for child in self._below.get(node_id, ()):
            found.extend([child] if self.of(child) else self.parts(child))
        return found

    def net(
        self, node_id: int, parts: Sequence[int], start: datetime, end: datetime
    ) -> dict[int, Decimal]:
        """Coefficients of a place's meters less those of its parts, for any time in a span.

        A meter that counts on both sides is gone: its error is on both. Where none is left, the
        place is made of its parts' own meters.
        """
        total: defaultdict[int, Decimal] = defaultdict(Decimal)
        for sign, node in ((1, node_id), *((-1, part) for part in parts)):
            for one in self.of(node):
                if one.holds_within(start, end):
                    total[one.meter_id] += sign * one.coefficient
        return {meter: coefficient for meter, coefficient in total.items() if coefficient}


async def read_members(tx: ReadSession, project_id: int, energy: str) -> Members:
    """Read the tree and the memberships of an energy's meters."""
    places = await tx.fetch_all(
        "SELECT id, parent_id, kind FROM node WHERE project_id = %s"
        " ORDER BY parent_id NULLS FIRST, position, id",
        (project_id,),
        into=_Place,
    )
    members = await tx.fetch_all(
        "SELECT nm.node_id, nm.meter_id, nm.coefficient, nm.valid_from, nm.valid_to, m.accuracy"
        " FROM node_meter nm JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id"
        " WHERE nm.project_id = %(project)s AND m.energy = %(energy)s"
        " ORDER BY nm.node_id, nm.meter_id, nm.valid_from",
        {"project": project_id, "energy": energy},
        into=Member,
    )
    return Members(places, members)
