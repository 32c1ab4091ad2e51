"""What prices: tariffs with their bands."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.naming import Name


@strawberry.type
class TariffBand:
    """A price, and when it holds next or now."""

    band: str
    price: Decimal
    start: datetime | None = None
    end: datetime | None = None


@strawberry.type
class Tariff:
    """The tariff in force: its bands, the one that holds now and the one that follows."""

    name: Name
    source: str
    confirmed: bool
    bands: list[TariffBand]
    now: TariffBand | None
    next: TariffBand | None


_TARIFF = """
SELECT id, name, source, confirmed_by FROM tariff
WHERE project_id = %(project)s AND energy = %(energy)s AND valid_from <= %(now)s
  AND (valid_to IS NULL OR valid_to > %(now)s)
ORDER BY valid_from DESC, id DESC LIMIT 1
"""

# Neighbouring quarter hours of one band and price are one span.
_SPANS = """
SELECT band, price, min(start_ts) AS start, max(start_ts) + interval '15 minutes' AS "end"
FROM (
    SELECT band, price, start_ts,
           sum(changed) OVER (ORDER BY start_ts) AS span
    FROM (
        SELECT band, price, start_ts,
               (lag((band, price)) OVER (ORDER BY start_ts) IS DISTINCT FROM (band, price))::int
               AS changed
        FROM tariff_slot
        WHERE project_id = %(project)s AND energy = %(energy)s
          AND start_ts > %(now)s - interval '1 day' AND start_ts < %(now)s + interval '2 days'
    ) slots
) spans
GROUP BY span, band, price ORDER BY start
"""


async def read_tariff(door: Door, energy: str) -> Tariff | None:
    """Answer the tariff in force of an energy; None where there is none."""
    now = door.process.platform.clock.now()
    named = {"project": door.project.id, "energy": energy, "now": now}
    async with door.read() as tx:
        tariff = await tx.fetch_one(_TARIFF, named)
        if tariff is None:
            return None
        rows = await tx.fetch_all(_SPANS, named)
    spans = [TariffBand(**row) for row in rows]
    running = next((span for span in spans if _holds(span, now)), None)
    follows = next((span for span in spans if span.start is not None and span.start > now), None)
    bands = {(span.band, span.price): span for span in reversed(spans) if _ahead(span, now)}
    return Tariff(
        name=Name.of(tariff["name"]),
        source=tariff["source"],
        confirmed=tariff["confirmed_by"] is not None,
        bands=sorted(bands.values(), key=lambda band: band.price, reverse=True),
        now=running,
        next=follows,
    )


def _ahead(span: TariffBand, now: datetime) -> bool:
    return span.end is not None and span.end > now


def _holds(span: TariffBand, now: datetime) -> bool:
    return span.start is not None and span.start <= now and _ahead(span, now)
