"""Versions of accounts: what a restatement replaces is kept, and any version reads as it was then.

`account` holds what is current. While a restatement is being applied, whoever writes accounts of
its project has a `Keeper` look at them first: each row that changes or vanishes is in
`account_history` under the restatement's version before it is replaced, once, in however many
transactions; a row that there was none of before is kept with null figures. So as of version v an
account is the kept one of the smallest version above v, else the current one (`accounts_as_of`),
and until the last transaction says that the version is applied, readers see the one before as a
whole.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from backend.core.db import ReadSession, WriteSession

FIGURES: Final = (
    "end_ts", "qty", "estimated_qty", "quality", "kgce", "kgco2", "cost", "measured_s", "expected_s"
)  # fmt: skip
LONGEST: Final[Mapping[int, timedelta]] = {
    1: timedelta(minutes=15),
    2: timedelta(hours=1),
    3: timedelta(hours=26),
    4: timedelta(days=63),
    5: timedelta(days=400),
    6: timedelta(days=8),
    7: timedelta(days=63),
}
"""No account of a period is longer: so those that touch a span are found by their starts."""

_KEY: Final = ("project_id", "scope", "scope_id", "energy", "period", "start_ts")
_KEPT: Final = (*_KEY, *FIGURES, "updated_at")
_ROW: Final = ", ".join(_KEPT)
_OF_KEPT: Final = ", ".join(f"h.{name}" for name in _KEPT)
_OF_CURRENT: Final = ", ".join(f"c.{name}" for name in _KEPT)
_DISTINCT: Final = ", ".join(f"h.{name}" for name in _KEY)


def _same(one: str, other: str) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in _KEY)


ACCOUNTS: Final = "account"
"""What a statement reads current accounts from."""
ACCOUNTS_AS_OF: Final = f"""(
    SELECT {_OF_CURRENT} FROM account c WHERE c.project_id = %(project)s AND NOT EXISTS (
        SELECT 1 FROM account_history h WHERE {_same("h", "c")} AND h.version > %(as_of)s)
    UNION ALL
    SELECT {_ROW} FROM (
        SELECT DISTINCT ON ({_DISTINCT}) {_OF_KEPT} FROM account_history h
        WHERE h.project_id = %(project)s AND h.version > %(as_of)s
        ORDER BY {_DISTINCT}, h.version) k
    WHERE k.qty IS NOT NULL
)"""
"""The same columns as they were at version `%(as_of)s` of `%(project)s`, in place of `account`."""


def accounts(*, as_of: bool) -> str:
    """Answer what a statement reads accounts from: the current ones, or those of a version."""
    return ACCOUNTS_AS_OF if as_of else ACCOUNTS


@dataclass(frozen=True, slots=True)
class Shown:
    """What whoever looks at accounts reads them from, and the version that it names."""

    table: str
    as_of: int | None

    def sql(self, statement: str) -> bytes:
        """Answer a statement that reads from `{accounts}`; it is given `as_of` and `project`."""
        return statement.format(accounts=self.table).encode()


async def shown(tx: ReadSession, project_id: int, as_of: int | None = None) -> Shown:
    """Answer where accounts are read as of a version, never a part of one being applied."""
    version = await version_to_read(tx, project_id, as_of)
    return Shown(accounts(as_of=version is not None), version)


# Accounts that hang on meters: their own, those of virtual meters, and of all nodes that ever
# counted any of these.
_TOUCHED: Final = """
FROM (
    SELECT 1::smallint AS scope, m.id AS scope_id, m.energy FROM meter m
    WHERE m.project_id = %(project)s AND (m.id = ANY(%(meters)s) OR m.source = %(virtual)s)
    UNION
    SELECT 2::smallint, n.node_id, m.energy FROM node_meter n
    JOIN meter m ON m.project_id = %(project)s AND m.id = n.meter_id
    WHERE n.project_id = %(project)s AND (m.id = ANY(%(meters)s) OR m.source = %(virtual)s)
    UNION
    SELECT 2::smallint, n, e FROM unnest(%(nodes)s::bigint[], %(energies)s::text[]) AS u (n, e)
) w
CROSS JOIN unnest(%(periods)s::smallint[], %(longest)s::interval[]) AS p (period, longest)
"""
_IN_SPAN: Final = """
    x.project_id = %(project)s AND x.scope = w.scope AND x.scope_id = w.scope_id
    AND x.energy = w.energy AND x.period = p.period AND x.start_ts > %(first)s - p.longest
    AND x.start_ts < %(last)s AND x.end_ts > %(first)s
"""
_AREA: Final = f"""
{_TOUCHED}
CROSS JOIN LATERAL (SELECT * FROM account x WHERE {_IN_SPAN} OFFSET 0) AS c
"""
_KEEP: Final = f"""
INSERT INTO account_history ({_ROW}, version) SELECT {_OF_CURRENT}, %(version)s {_AREA}
ON CONFLICT DO NOTHING
"""
# Accounts that there was none of before, and those that came out the same: few, one by one.
_ODD: Final = f"""
SELECT c.scope, c.scope_id, c.energy, c.period, c.start_ts, c.end_ts, k.same IS NULL {_AREA}
LEFT JOIN LATERAL (
    SELECT ({", ".join(f"h.{name}" for name in FIGURES)}) IS NOT DISTINCT FROM
           ({", ".join(f"c.{name}" for name in FIGURES)}) AS same
    FROM account_history h WHERE h.project_id = %(project)s AND h.scope = c.scope
    AND h.scope_id = c.scope_id AND h.energy = c.energy AND h.period = c.period
    AND h.start_ts = c.start_ts AND h.version = %(version)s OFFSET 0
) AS k ON true
WHERE k.same IS NOT false
"""
# What some of them are, as arrays in the order of the key.
_KEY_COLUMNS: Final = (*_KEY[1:], "end_ts")
_KEYS: Final = """
unnest(%(scope)s::smallint[], %(scope_id)s::bigint[], %(energy)s::text[], %(period)s::smallint[],
       %(start_ts)s::timestamptz[], %(end_ts)s::timestamptz[])
    AS k (scope, scope_id, energy, period, start_ts, end_ts)
"""
_NEW: Final = f"""
INSERT INTO account_history (project_id, version, scope, scope_id, energy, period, start_ts, end_ts)
SELECT %(project)s, %(version)s, k.* FROM {_KEYS} ON CONFLICT DO NOTHING
"""
# Row by row through the key, whatever statistics say of a table that grows meanwhile.
_SAME: Final = f"""
DELETE FROM account_history WHERE ctid = ANY(ARRAY(
    SELECT h.row FROM (SELECT * FROM {_KEYS} OFFSET 0) AS k
    CROSS JOIN LATERAL (
        SELECT o.ctid AS row FROM account_history o
        WHERE o.project_id = %(project)s AND o.version = %(version)s AND o.scope = k.scope
          AND o.scope_id = k.scope_id AND o.energy = k.energy AND o.period = k.period
          AND o.start_ts = k.start_ts OFFSET 0
    ) AS h))
  AND project_id = %(project)s
"""


async def being_applied(tx: ReadSession, project_id: int) -> int | None:
    """Answer the version that is being applied; None when there is none."""
    return await tx.fetch_value(
        "SELECT version FROM restatement WHERE project_id = %s AND state = 'applying'",
        (project_id,),
        into=int,
    )


async def unsettled_until(tx: ReadSession, project_id: int) -> datetime | None:
    """Answer up to when the version that is being applied changes accounts; None without one."""
    return await tx.fetch_value(
        "SELECT last_ts FROM restatement WHERE project_id = %s AND state = 'applying'",
        (project_id,),
        into=datetime,
    )


_seen: Final[WeakKeyDictionary[ReadSession, int | None]] = WeakKeyDictionary()
"""What a read transaction found: all its statements see one moment, so it asks once."""


async def version_to_read(tx: ReadSession, project_id: int, as_of: int | None) -> int | None:
    """Answer the version that is read when `as_of` is asked for; None: what is current.

    While a version is being applied nobody sees any of it: what counts is the one before. A
    transaction of one project looks once, so that all its figures are of one version.
    """
    if isinstance(tx, WriteSession):
        version = await being_applied(tx, project_id)
    else:
        if tx not in _seen:
            _seen[tx] = await being_applied(tx, project_id)
        version = _seen[tx]
    if version is None:
        return as_of
    return version - 1 if as_of is None else min(as_of, version - 1)


class Keeper:
    """Keeps what one transaction replaces, if a version is being applied; else does nothing.

    `before` is called before accounts are written, `after` when all are; what is written lies in
    the areas named before.
    """

    def __init__(
        self,
        tx: WriteSession,
        project_id: int,
        version: int | None,
        periods: Mapping[int, timedelta],
    ) -> None:
        """Made by `keeper`."""
        self._tx = tx
        self._project_id = project_id
        self._version = version
        self._periods = periods
        self._areas: list[dict[str, object]] = []

    @property
    def applying(self) -> bool:
        """Whether a version is being applied."""
        return self._version is not None

    async def before(
        self,
        span: tuple[datetime, datetime],
        meters: Collection[int],
        nodes: Collection[tuple[int, str]] = (),
    ) -> None:
        """Keep the accounts that touch a span: of meters and all above them, of energies of nodes.

        What is above meters are virtual meters and the nodes that count any.
        """
        if self._version is None:
            return
        area: dict[str, object] = {
            "project": self._project_id,
            "version": self._version,
            "meters": sorted(meters),
            "virtual": "virtual" if meters else None,
            "nodes": [node for node, _ in nodes],
            "energies": [energy for _, energy in nodes],
            "periods": list(self._periods),
            "longest": list(self._periods.values()),
            "first": span[0],
            "last": span[1],
        }
        self._areas.append(area)
        await self._tx.execute(_KEEP, area)

    async def after(self) -> None:
        """Note accounts that there were none of, and forget those that did not change."""
        odd = {row for area in self._areas for row in await self._tx.fetch_tuples(_ODD, area)}
        for statement, new in ((_NEW, True), (_SAME, False)):
            rows = [row[:6] for row in odd if row[6] is new]
            if rows:
                columns = map(list, zip(*rows, strict=True))
                keys: dict[str, object] = dict(zip(_KEY_COLUMNS, columns, strict=True))
                keys |= {"project": self._project_id, "version": self._version}
                await self._tx.execute(statement.encode(), keys)
        self._areas = []


async def keeper(
    tx: WriteSession, project_id: int, periods: Mapping[int, timedelta] = LONGEST
) -> Keeper:
    """Answer what keeps the accounts that this transaction replaces.

    Of `periods` alone, each with how long one is at most: for who rolls back all it writes.
    """
    return Keeper(tx, project_id, await being_applied(tx, project_id), periods)


@asynccontextmanager
async def keeping(
    tx: WriteSession, project_id: int, span: tuple[datetime, datetime], meters: Collection[int]
) -> AsyncIterator[None]:
    """Keep what the block replaces of the accounts of meters, and of all above, that touch a span.

    For those who write quarter hours of meters that no register feeds.
    """
    keep = await keeper(tx, project_id)
    await keep.before(span, meters)
    yield
    await keep.after()
