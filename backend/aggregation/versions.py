"""Versions of accounts: what a restatement replaces is kept, and any version reads as it was then.

`account` holds what is current, `account_history` what each version replaced (keeper.py). So as of
version v an account is the kept one of the smallest version above v, else the current one
(`ACCOUNTS_AS_OF`), and until the last transaction says that a version is applied, readers see the
one before as a whole.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from backend.core.db import ReadSession, WriteSession

FIGURES: Final = (
    "end_ts", "qty", "estimated_qty", "quality", "kgce", "kgco2", "cost", "measured_s", "expected_s"
)  # fmt: skip
KEY: Final = ("project_id", "scope", "scope_id", "energy", "period", "start_ts")
"""What an account is of, and from when on."""
_KEPT: Final = (*KEY, *FIGURES, "updated_at")
_ROW: Final = ", ".join(_KEPT)
_OF_KEPT: Final = ", ".join(f"h.{name}" for name in _KEPT)
_OF_CURRENT: Final = ", ".join(f"c.{name}" for name in _KEPT)
_DISTINCT: Final = ", ".join(f"h.{name}" for name in KEY)


def _same(one: str, other: str) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in KEY)


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
