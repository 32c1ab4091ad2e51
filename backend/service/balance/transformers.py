"""The transformers between a place and its parts: a part that is one counts what leaves it, so its
loss lies before it.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.core.db import ReadSession
from backend.service.balance.losses import Transformer

WATTS: Final = 1000
_TRANSFORMERS: Final = """
SELECT DISTINCT ON (node_id) node_id, params->>'p0_kw', params->>'pk_kw', params->>'sn_kva',
       coalesce(params->>'cos_phi', '1')
FROM conversion
WHERE project_id = %(project)s AND kind = 'transformer' AND node_id = ANY(%(nodes)s)
  AND valid_from < %(end)s AND (valid_to IS NULL OR valid_to > %(start)s)
ORDER BY node_id, valid_from DESC
"""


async def read_transformers(
    tx: ReadSession, project_id: int, nodes: Sequence[int], start: datetime, end: datetime
) -> dict[int, Transformer]:
    """Answer the nameplates of nodes that are transformers, as they were last in [start, end)."""
    keys = {"project": project_id, "nodes": list(nodes), "start": start, "end": end}
    return {
        node: Transformer(_watts(p0), _watts(pk), _watts(rated), Decimal(cos_phi))
        for node, p0, pk, rated, cos_phi in await tx.fetch_tuples(_TRANSFORMERS, keys)
    }


def _watts(kilo: str) -> int:
    return int(Decimal(kilo) * WATTS)
