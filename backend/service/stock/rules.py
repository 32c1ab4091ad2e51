"""How a stock's consumption is spread over time, and a standing estimate after the last count."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from backend.aggregation.stock_accounts import (
    PROFILE,
    RULES,
    WORKING,
    Rule,
    read_rule,
    settle_stock,
)
from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.people.asker import Asker
from backend.service.stock.checks import MOST, smallest_of
from backend.service.stock.documents import StockMeter


async def set_rule(
    tx: WriteSession,
    project_id: int,
    meter: StockMeter,
    rule: Rule,
    asker: Asker,
    now: datetime,
) -> None:
    """Choose how a stock is spread and account it anew.

    Raises InvalidInput for an unknown rule, a rule without what it needs, an estimate that is no
    quantity, or meters that would take their profiles from each other in a circle.
    """
    await _refuse(tx, project_id, meter, rule)
    old = await read_rule(tx, project_id, meter.id)
    await tx.execute(
        "INSERT INTO stock_rule (project_id, meter_id, rule, node_id, profile_id, per_day)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (project_id, meter_id) DO UPDATE SET"
        " rule = excluded.rule, node_id = excluded.node_id, profile_id = excluded.profile_id,"
        " per_day = excluded.per_day",
        (project_id, meter.id, rule.rule, rule.node_id, rule.profile_id, rule.per_day),
    )
    await settle_stock(tx, project_id, meter.id, now)
    deed = audit.Deed(
        asker.actor,
        "stock.rule",
        encode_id("mtr", meter.uid),
        "done",
        asker.person_id,
        asdict(old),
        asdict(rule),
    )
    await audit.record(tx, project_id, deed, now)


async def _refuse(tx: ReadSession, project_id: int, meter: StockMeter, rule: Rule) -> None:
    if rule.rule not in RULES:
        raise InvalidInput("stock_rule", field="rule", known=", ".join(RULES))
    if rule.rule == WORKING and rule.node_id is None:
        raise InvalidInput("stock_rule_node", field="node")
    if rule.rule == PROFILE and rule.profile_id is None:
        raise InvalidInput("stock_rule_profile", field="profile")
    if rule.per_day is not None and not 0 <= rule.per_day <= MOST:
        raise InvalidInput("entry_number", field="perDay")
    if rule.rule == PROFILE and await _circle(tx, project_id, meter.id, rule.profile_id):
        raise InvalidInput("stock_rule_circle", field="profile")


async def _circle(tx: ReadSession, project_id: int, meter_id: int, profile_id: int | None) -> bool:
    """Tell whether following profiles from `profile_id` leads back to the meter."""
    rows = await tx.fetch_tuples(
        "SELECT meter_id, profile_id FROM stock_rule WHERE project_id = %s AND rule = 'profile'",
        (project_id,),
    )
    following: dict[int, int] = dict(rows)
    seen, at = {meter_id}, profile_id
    while at is not None:
        if at in seen:
            return True
        seen.add(at)
        at = following.get(at)
    return False


async def rule_of(
    tx: ReadSession,
    project_id: int,
    meter: StockMeter,
    rule: str,
    node: UUID | None,
    profile: UUID | None,
    per_day: Decimal | None,
) -> Rule:
    """Answer a rule as people name it: outside identities, `per_day` in the display unit.

    Raises InvalidInput where a node or meter is not of this project.
    """
    node_id = profile_id = None
    if node is not None:
        node_id = await tx.fetch_value(
            "SELECT id FROM node WHERE project_id = %s AND uid = %s", (project_id, node), into=int
        )
    if profile is not None:
        profile_id = await tx.fetch_value(
            "SELECT id FROM meter WHERE project_id = %s AND uid = %s",
            (project_id, profile),
            into=int,
        )
    try:
        rate = (
            None if per_day is None else smallest_of(per_day, meter.energy.unit.code, meter.energy)
        )
    except (OverflowError, ValueError):
        raise InvalidInput("entry_number", field="perDay") from None
    return Rule(rule, node_id, profile_id, rate)
