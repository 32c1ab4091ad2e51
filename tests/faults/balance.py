"""The verdict of every fault: what the journal ever committed against what the database holds."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.faults.ledger import (
    Fact,
    imported_until,
    journaled,
    milliseconds,
    stored,
    superuser,
)

QUARTER_MS = 900_000


@dataclass(frozen=True, slots=True)
class Balance:
    """Readings that were compared and what is wrong with them; empty where nothing is."""

    compared: int
    lost: tuple[Fact, ...]
    """Committed to the journal, drained, and not in the database."""
    doubled: tuple[Fact, ...]
    """Journaled twice, stored twice, or stored although no record of the journal says so."""
    disordered: tuple[tuple[str, str], ...]
    """Points (device, name) journaled out of order, or whose last value is not their newest."""

    @property
    def holds(self) -> bool:
        """Whether the guarantee held."""
        return not (self.lost or self.doubled or self.disordered)

    def __str__(self) -> str:
        told = f"{self.compared} readings compared"
        for what in ("lost", "doubled", "disordered"):
            found = getattr(self, what)
            if found:
                told += f"\n  {len(found)} {what}: {', '.join(map(str, found[:3]))}"
        return told


def balance(data: Path) -> Balance:
    """Compare a drained journal with the running database of its data folder."""
    committed, history = journaled(data), imported_until(data)
    first = min(fact.ts_ms for fact in committed)
    found = [fact for fact in stored(data) if fact.ts_ms >= first]
    return judge(committed, found, newest(data), history)


def judge(
    committed: list[Fact],
    found: list[Fact],
    last: dict[tuple[str, str], int],
    history_ms: int = 0,
) -> Balance:
    """Compare the journal, in its order, with the database and its last values (UTC ms).

    Readings at quarter hours up to `history_ms` may have come by an import.
    """
    known = set(committed)
    doubled = [fact for facts in (committed, found) for fact, n in Counter(facts).items() if n > 1]
    doubled += [
        fact for fact in set(found) - known if fact.ts_ms % QUARTER_MS or fact.ts_ms > history_ms
    ]
    times: dict[tuple[str, str], list[int]] = {}
    for fact in committed:
        times.setdefault((fact.device, fact.point), []).append(fact.ts_ms)
    disordered = [
        point
        for point, all_ms in times.items()
        if any(earlier > later for earlier, later in pairwise(all_ms))
        or last.get(point) != max(all_ms)
    ]
    return Balance(
        len(known),
        tuple(sorted(known - set(found))),
        tuple(sorted(doubled)),
        tuple(sorted(disordered)),
    )


def newest(data: Path, project: str = "demo") -> dict[tuple[str, str], int]:
    """(device, point) -> UTC ms of its last value that is not null."""
    with superuser(data) as connection:
        rows = connection.execute(
            "SELECT d.slug, p.name, v.ts FROM last_value v"
            " JOIN project j ON j.id = v.project_id"
            " JOIN point p ON p.project_id = v.project_id AND p.id = v.point_id"
            " JOIN device d ON d.project_id = v.project_id AND d.id = p.device_id"
            " WHERE j.slug = %s",
            (project,),
        ).fetchall()
    return {(slug, name): milliseconds(ts) for slug, name, ts in rows}
