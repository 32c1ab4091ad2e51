"""What nodes say of themselves through their journal, stored before it is acknowledged.

A report may come again (the journal sends what is not acknowledged), so each is stored by what it
is about and counts once: its row, its audit entry and its event are of one transaction.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from backend.acquisition import counters
from backend.acquisition.host import EdgeNode, Report
from backend.core import audit
from backend.core.db import IngestSession
from backend.core.errors import NotFound, Unavailable
from backend.core.events import publish
from backend.core.ids import decode_id, encode_id
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.commands import FINAL, CommandResult, decode_result
from gateway.contract.configuration import decode_config_result
from gateway.contract.support import decode_ask_result
from gateway.contract.update import FINAL as UPDATED
from gateway.contract.update import decode_update_result

log = logging.getLogger(__name__)

RETRY_S = 0.5
MOST_MS = 253_402_300_799_000

Store = Callable[[IngestSession, EdgeNode, str, datetime], Awaitable[None]]

_RESULT = """
UPDATE command
SET state = %(state)s, code = %(code)s, old_value = %(old)s, read_value = %(read)s,
    state_at = %(at)s, finished_at = CASE WHEN %(final)s THEN %(now)s END
WHERE project_id = %(project)s AND gateway_id = %(gateway)s AND uid = %(uid)s
  AND kind = 'write' AND (finished_at IS NULL OR code = 'no_answer') AND state <> %(state)s
RETURNING person_id
"""
_CONFIG = """
UPDATE gateway_config AS c
SET state = %(state)s, state_at = %(at)s, problems = %(problems)s
FROM gateway g
WHERE c.project_id = %(project)s AND c.gateway_id = %(gateway)s AND c.version = %(version)s
  AND c.hash = %(hash)s AND c.state <> %(state)s AND c.state <> 'rolled_back'
  AND g.project_id = c.project_id AND g.id = c.gateway_id
RETURNING c.person_id, g.uid
"""
_ASK = """
UPDATE command
SET state = %(state)s, code = %(code)s, answer = %(answer)s, state_at = %(at)s,
    finished_at = %(now)s
WHERE project_id = %(project)s AND gateway_id = %(gateway)s AND uid = %(uid)s
  AND kind NOT IN ('write', 'update') AND (finished_at IS NULL OR code = 'no_answer')
RETURNING person_id, kind
"""
_UPDATE = """
UPDATE command
SET state = %(state)s, code = %(code)s, answer = %(answer)s, state_at = %(at)s,
    finished_at = CASE WHEN %(final)s THEN %(now)s END
WHERE project_id = %(project)s AND gateway_id = %(gateway)s AND uid = %(uid)s
  AND kind = 'update' AND (finished_at IS NULL OR code = 'no_answer') AND state <> %(state)s
RETURNING person_id
"""
_STANDS = "SELECT 1 FROM audit WHERE project_id = %s AND ref = %s AND action = %s"
RESULT = "command.result"
CONFIG = "config.result"


async def store(platform: Platform, reports: Sequence[tuple[EdgeNode, Report]]) -> None:
    """Store reports in their order; waits as long as the database is away."""
    for node, report in reports:
        while True:
            try:
                async with platform.database.ingest() as tx:
                    await STORES[report.name](tx, node, report.text, platform.clock.now())
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("A report of %s waits for the database: %s", node.slug, error)
                await asyncio.sleep(RETRY_S)
            except (ValueError, errors.DataError, errors.IntegrityError) as error:
                counters.messages_dropped.labels("bad_report").inc()
                log.warning("%s of %s/%s: %s", report.name, node.project, node.slug, error)
                break
            else:
                break


async def _command_result(tx: IngestSession, node: EdgeNode, text: str, now: datetime) -> None:
    result = decode_result(text)
    uid = _uid(result.id)
    persons = await tx.fetch_tuples(
        _RESULT,
        {
            "state": result.state.value,
            "code": result.code,
            "old": result.old,
            "read": result.read,
            "at": _instant(result.at_ms),
            "final": result.state in FINAL,
            "now": now,
            "project": node.project_id,
            "gateway": node.gateway_id,
            "uid": uid,
        },
    )
    if persons and uid is not None:
        await publish(tx, node.project_id, "command", str(uid), now)
    if result.state in FINAL and (persons or await _is_foreign(tx, node, result)):
        deed = _deed(result, persons[0][0] if persons else None)
        await audit.record(tx, node.project_id, deed, now)


async def _is_foreign(tx: IngestSession, node: EdgeNode, result: CommandResult) -> bool:
    """Tell whether the result is of a plain DCMD by somebody else that is not audited yet."""
    if _uid(result.id) is not None:
        return False
    found = await tx.fetch_tuples(_STANDS, (node.project_id, result.id, RESULT))
    return not found


def _deed(result: CommandResult, person_id: int | None) -> audit.Deed:
    where = {"device": result.device, "point": result.point}
    return audit.Deed(
        result.actor,
        RESULT,
        result.id,
        f"{result.state}/{result.code}",
        person_id,
        {**where, "value": result.old},
        {**where, "value": result.value, "read": result.read},
    )


def _uid(id: str) -> UUID | None:
    try:
        return decode_id("cmd", id)
    except NotFound:
        return None


def _instant(at_ms: int) -> datetime:
    """Answer a gateway's time; one that no calendar has is cut to the nearest that one has."""
    return datetime.fromtimestamp(min(max(at_ms, 0), MOST_MS) / 1000, UTC)


async def _config_result(tx: IngestSession, node: EdgeNode, text: str, now: datetime) -> None:
    result = decode_config_result(text)
    found = await tx.fetch_tuples(
        _CONFIG,
        {
            "state": result.state.value,
            "at": _instant(result.at_ms),
            "problems": Jsonb(result.problems),
            "project": node.project_id,
            "gateway": node.gateway_id,
            "version": result.version,
            "hash": result.hash,
        },
    )
    if not found:
        return
    person_id, uid = found[0]
    ref = f"{encode_id('gtw', uid)}/{result.version}"
    new = {"version": result.version, "hash": result.hash, "problems": result.problems}
    deed = audit.Deed(node.slug, CONFIG, ref, result.state.value, person_id, None, new)
    await publish(tx, node.project_id, "gateway", str(uid), now)
    await audit.record(tx, node.project_id, deed, now)


async def _ask_result(tx: IngestSession, node: EdgeNode, text: str, now: datetime) -> None:
    result = decode_ask_result(text)
    uid = _uid(result.id)
    # PostgreSQL has no text with a zero in it, and a log may.
    lines = [line.replace("\x00", "") for line in result.lines]
    detail = result.detail.replace("\x00", "")
    answer = {"values": result.values, "lines": lines, "detail": detail}
    found = await tx.fetch_tuples(
        _ASK,
        {
            "state": result.state.value,
            "code": result.code,
            "answer": Jsonb(answer),
            "at": _instant(result.at_ms),
            "now": now,
            "project": node.project_id,
            "gateway": node.gateway_id,
            "uid": uid,
        },
    )
    if not found or uid is None:
        return
    person_id, kind = found[0]
    # The lines themselves may be long; that they were read is what counts.
    new = {"values": result.values, "lines": len(result.lines)}
    told = f"{result.state}/{result.code}"
    deed = audit.Deed(result.actor, f"support.{kind}", result.id, told, person_id, None, new)
    await publish(tx, node.project_id, "command", str(uid), now)
    await audit.record(tx, node.project_id, deed, now)


async def _update_result(tx: IngestSession, node: EdgeNode, text: str, now: datetime) -> None:
    result = decode_update_result(text)
    uid = _uid(result.id)
    detail = result.detail.replace("\x00", "")
    answer = {"before": result.before, "now": result.now, "detail": detail}
    found = await tx.fetch_tuples(
        _UPDATE,
        {
            "state": result.state.value,
            "code": result.code,
            "answer": Jsonb(answer),
            "at": _instant(result.at_ms),
            "final": result.state in UPDATED,
            "now": now,
            "project": node.project_id,
            "gateway": node.gateway_id,
            "uid": uid,
        },
    )
    if not found or uid is None:
        return
    told = f"{result.state}/{result.code}"
    deed = audit.Deed(node.slug, "update.result", result.id, told, found[0][0], None, answer)
    await publish(tx, node.project_id, "command", str(uid), now)
    await audit.record(tx, node.project_id, deed, now)


STORES: dict[str, Store] = {
    topics.EXT_COMMAND_RESULT: _command_result,
    topics.EXT_CONFIG_RESULT: _config_result,
    topics.EXT_ASK_RESULT: _ask_result,
    topics.EXT_UPDATE_RESULT: _update_result,
}
"""Who stores a report, by the metric's name; `host.REPORTS` are these names."""
