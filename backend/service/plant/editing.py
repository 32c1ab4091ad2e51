"""A change of the plant's model under way: who makes it and when, and what is told at its end.

What already happened is not changed here: a closed day moves only by a restatement, whose own
transaction makes its `Edit` with `restated`.
"""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.aggregation.calendar import QUARTER, PlantTime, quarter_of, read_plant_time
from backend.aggregation.dirty import mark_points
from backend.aggregation.rollup import Scope
from backend.aggregation.stale import mark_again
from backend.core import audit
from backend.core.db import WriteSession
from backend.core.errors import InvalidInput
from backend.core.events import publish
from backend.core.ids import encode_id
from backend.service.people.asker import Asker

LOCK: Final = 0x6B77_0014
"""Class of the advisory lock "model of this project": changes are made one after the other."""
AHEAD: Final = timedelta(days=3660)
"""What is planned further ahead than ten years is a wrong clock."""
LONGEST_NAME: Final = 100

Name = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: its transaction, project, person and moment; made by `begin`."""

    tx: WriteSession
    project_id: int
    asker: Asker
    now: datetime
    plant: PlantTime
    restated: bool = False

    def allow(self, at: datetime) -> datetime:
        """Answer `at` when a change may begin then; InvalidInput says why not.

        Changes begin at quarter hours, because nothing smaller is accounted, and not before the
        plant's running day.
        """
        if quarter_of(at) != at:
            raise InvalidInput("not_quarter_hour", at=at.isoformat())
        if at > self.now + AHEAD:
            raise InvalidInput("date_far", at=self.shown(at))
        since = self.start_of_day()
        if at < since and not self.restated:
            raise InvalidInput("restatement_needed", at=self.shown(at), since=self.shown(since))
        return at

    def start_of_day(self) -> datetime:
        """Answer when the plant's running day began."""
        return self.plant.start_of(self.plant.day_of(self.now))

    def shown(self, at: datetime | None) -> str:
        """Answer an instant as the plant's clock shows it; a dash for an open end."""
        return "–" if at is None else f"{at.astimezone(self.plant.zone):%Y-%m-%d %H:%M}"

    def next_quarter(self) -> datetime:
        """Answer the first quarter hour that has not begun: what changes "from now on"."""
        return quarter_of(self.now) + QUARTER

    async def count_anew(self, scope: Scope, ids: Sequence[int], since: datetime) -> None:
        """Have virtual meters or nodes made again from what is below them, from an instant on."""
        await mark_again(self.tx, self.project_id, int(scope), ids, since, self.now)

    async def read_anew(self, points: Sequence[int], since: datetime) -> None:
        """Have the accounts of registers and gauges made anew from an instant to now."""
        await mark_points(self.tx, self.project_id, points, since, self.now)

    async def account_soon(self) -> None:
        """Wake who accounts: something is dirty."""
        await self.tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(self.project_id),))

    async def tell(
        self,
        action: str,
        ref: str,
        result: str,
        old: Mapping[str, object] | None = None,
        new: Mapping[str, object] | None = None,
    ) -> None:
        """Let other processes read the model anew, and write down who changed what. Call it last.

        `old` and `new` hold JSON only.
        """
        await publish(self.tx, self.project_id, "model", ref, self.now)
        actor = encode_id("per", self.asker.uid)
        deed = audit.Deed(actor, action, ref, result, self.asker.person_id, old, new)
        await audit.record(self.tx, self.project_id, deed, self.now)


async def begin(
    tx: WriteSession, project_id: int, asker: Asker, now: datetime, *, restated: bool = False
) -> Edit:
    """Begin a change: it waits until others of this project's model are done."""
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    return Edit(tx, project_id, asker, now, await read_plant_time(tx, project_id), restated)


def checked_name(name: Name) -> dict[str, str]:
    """Answer a name without spaces around it; InvalidInput for an empty or very long one."""
    kept = {locale: text.strip() for locale, text in name.items() if text.strip()}
    if not kept:
        raise InvalidInput("name_empty")
    if any(len(text) > LONGEST_NAME for text in kept.values()):
        raise InvalidInput("name_long", most=LONGEST_NAME)
    return kept


def slug_of(name: Name, kind: str, taken: Container[str]) -> str:
    """Answer a short name that is free: of the English name's letters, else of the kind."""
    letters = re.sub("[^a-z0-9]+", "-", name.get("en", "").lower()).strip("-")[:40]
    stem, slug, number = letters or kind.replace("_", "-"), letters, 1
    while not slug or slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def iso(at: datetime | None) -> str | None:
    """Answer an instant as the audit keeps it."""
    return None if at is None else at.isoformat()
