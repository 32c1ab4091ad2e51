"""Rows that wait in `dirty` and `stale`: what a bite of them has done waits no more."""

from typing import Final, LiteralString

from backend.aggregation.chunks import Chunk
from backend.aggregation.metering import instant
from backend.core.db import WriteSession

_FINISHED: Final = "DELETE FROM {} WHERE project_id = %s AND id = ANY(%s)"
_SHORTENED: Final = """
UPDATE {} w SET last_ts = s.last_ts FROM unnest(%s::bigint[], %s::timestamptz[]) AS s (id, last_ts)
WHERE w.project_id = %s AND w.id = s.id
"""


async def consume(tx: WriteSession, project_id: int, table: LiteralString, chunk: Chunk) -> None:
    """Delete the rows that a bite finishes, and end those earlier of which it took the newest."""
    await tx.execute(_FINISHED.format(table).encode(), (project_id, chunk.finished))
    if chunk.shortened:
        ids, ends = zip(*chunk.shortened, strict=True)
        await tx.execute(
            _SHORTENED.format(table).encode(),
            (list(ids), [instant(end) for end in ends], project_id),
        )
