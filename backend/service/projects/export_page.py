"""`index.html` of an archive: what a person reads of a project without Kilowise."""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.core.texts import text
from backend.service.projects.archive import Written, sheets
from gateway.contract.energy import energy_types

_STYLE = (
    "body{font:1rem/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.25rem .5rem}"
    "td+td{text-align:right}"
)
_MONTHS = """
SELECT n.name, a.energy, c.label AS month, a.qty
FROM {accounts} a
JOIN node n ON n.project_id = a.project_id AND n.id = a.scope_id AND n.parent_id IS NULL
     AND n.tree = 'organisation'
JOIN calendar_period c ON c.project_id = a.project_id AND c.period = a.period
     AND c.start_ts = a.start_ts
WHERE a.project_id = %(project)s AND a.scope = 2 AND a.period = 4
ORDER BY c.start_ts, a.energy
"""


KWH_OF = {"kWh": Decimal(1), "MWh": Decimal(1000), "GJ": Decimal(1000) / Decimal("3.6")}
"""kWh of one of the units that totals are told in."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a project is told: in a language, energy in one of the keys of `KWH_OF`."""

    locale: str
    energy_unit: str


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """What the site used of an energy in a month, in the energy's smallest unit."""

    name: dict[str, str]
    energy: str
    month: str
    qty: int


async def month_totals(tx: ReadSession, project_id: int) -> list[MonthTotal]:
    """Answer what the site used, month by month; nothing of a restatement being applied."""
    where = await shown(tx, project_id)
    keys = {"project": project_id, "as_of": where.as_of}
    return await tx.fetch_all(where.sql(_MONTHS), keys, into=MonthTotal)


def page(
    project: Mapping[str, object],
    told: Told,
    at: datetime,
    totals: Iterable[MonthTotal],
    written: Written,
) -> bytes:
    """Answer the page as the project is told."""
    locale = told.locale

    def say(key: str) -> str:
        return html.escape(text(locale, f"export.{key}"))

    title = html.escape(str(project["name"]))
    months = _table(
        (say("month"), say("energy"), say("total")),
        ((one.month, *_total(one, locale, told.energy_unit)) for one in totals),
    )
    tables = _table(
        (say("table"), say("rows")),
        ((sheet.path, str(written.rows[sheet.table])) for sheet in sheets()),
    )
    return (
        f'<!doctype html><html lang="{locale}"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1><p>{say('about')} {at.isoformat()}</p>"
        f"<h2>{say('months')}</h2>{months}<h2>{say('tables')}</h2>{tables}</html>"
    ).encode()


def _total(one: MonthTotal, locale: str, energy_unit: str) -> tuple[str, str]:
    energy = energy_types()[one.energy]
    value, unit = Decimal(one.qty) / energy.smallest_per_unit, energy.unit.code
    if unit in KWH_OF:
        value, unit = value * KWH_OF[unit] / KWH_OF[energy_unit], energy_unit
    return energy.name.get(locale, one.energy), f"{value:,.3f} {unit}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{lines}</table>"
