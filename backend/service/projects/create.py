"""Creates a project from a template, or brings an existing one up to it; repeatable.

What meters are read from follows the template at every call. Trees, what counts where, contract,
shed list, shift patterns and holidays, tariffs, factors and alarm definitions are written once and
belong to people afterwards.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from psycopg.types.json import Jsonb

from backend.aggregation.calendar import AHEAD, BACK, DAY, PlantTime, quarter_of, read_plant_time
from backend.aggregation.operating import State
from backend.aggregation.shift_rows import keep_shifts
from backend.core.clock import Clock
from backend.core.db import Database, WriteSession
from backend.core.ids import new_uuid
from backend.service.people.ready_made import make_roles
from backend.service.projects.creation import Creation
from backend.service.projects.ledger import keep_ledger
from backend.service.projects.model import (
    known_nodes,
    make_conversions,
    make_memberships,
    make_meters,
    make_nodes,
    make_trees,
)
from backend.service.projects.shifts import holiday_spans, pattern_of
from backend.service.projects.template import Template, read_template
from gateway.contract.energy import energy_types

VALID_BEFORE = timedelta(days=400)
"""Contract and tariffs hold from so long before the project began, so that history is priced."""


async def create_project(database: Database, clock: Clock, template: str, slug: str) -> int:
    """Create or refresh the project `slug`; answers its number.

    The gateway gets no credential here. Raises OperatingError for a template that cannot be used.
    """
    parts, now = read_template(template), clock.now()
    async with database.platform() as tx:
        project_id = await _project(tx, parts, slug, now)
        await make_roles(tx, project_id)
    async with database.project(project_id) as tx:
        await fill(Creation(tx, project_id, now), parts)
    return project_id


async def fill(creation: Creation, parts: Template) -> None:
    """Write into a project what its template says and it has not."""
    await make_trees(creation, parts)
    made = await make_nodes(creation, parts)
    meters = await make_meters(creation, parts, await _gateway(creation, parts))
    await make_memberships(creation, parts, made, meters)
    nodes = await known_nodes(creation)
    since = quarter_of(creation.now - VALID_BEFORE)
    await make_conversions(creation, parts, nodes, meters, since)
    await keep_ledger(creation.tx, creation.project_id, parts, nodes, meters, creation.now)
    await _contract(creation, parts, nodes)
    await _shed_list(creation, parts, nodes)
    await _shifts(creation, parts, nodes)
    await _tariffs(creation, parts)
    await _factors(creation, parts)
    await _alarms(creation, parts, nodes)


async def _project(tx: WriteSession, parts: Template, slug: str, now: datetime) -> int:
    part = parts.project
    number = await tx.fetch_value(
        "INSERT INTO project (uid, slug, name, zone, day_start_minute, currency, demo, created_at,"
        " rest_weekdays) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (slug) DO UPDATE SET name = excluded.name RETURNING id",
        (
            new_uuid(now),
            slug,
            Jsonb(part.name),
            part.zone,
            part.day_start_minute,
            part.currency,
            part.demo,
            now,
            parts.rest_weekdays,
        ),
        into=int,
    )
    if number is None:
        raise LookupError(f"project {slug} was not created")
    return number


async def _gateway(creation: Creation, parts: Template) -> int:
    return await creation.insert(
        "INSERT INTO gateway (project_id, uid, slug, name) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (project_id, slug) DO UPDATE SET name = excluded.name RETURNING id",
        new_uuid(creation.now),
        parts.gateway.slug,
        Jsonb(parts.gateway.name),
    )


async def _contract(creation: Creation, parts: Template, nodes: Mapping[str, int]) -> None:
    part = parts.contract
    if part is None or await creation.has("contract"):
        return
    await creation.tx.execute(
        "INSERT INTO supply_contract (project_id, node_id, contract_demand_kw, capacity_kva,"
        " window_minutes, step_minutes, demand_price, valid_from)"
        " VALUES (%s, %s, %s, %s, 15, 1, %s, %s)",
        (
            creation.project_id,
            nodes[part.node],
            part.contract_demand_kw,
            part.capacity_kva,
            Decimal(part.demand_price),
            creation.now - VALID_BEFORE,
        ),
    )


async def _shed_list(creation: Creation, parts: Template, nodes: Mapping[str, int]) -> None:
    if await creation.has("shed"):
        return
    await creation.tx.execute_many(
        "INSERT INTO shed_item (project_id, node_id, position, power_kw, max_minutes)"
        " VALUES (%s, %s, %s, %s, %s)",
        [
            (creation.project_id, nodes[item.node], place, item.power_kw, item.max_minutes)
            for place, item in enumerate(parts.shed)
        ],
    )


async def _shifts(creation: Creation, parts: Template, nodes: Mapping[str, int]) -> None:
    plant = await read_plant_time(creation.tx, creation.project_id)
    if not await creation.has("pattern"):
        await _patterns(creation, parts, nodes)
        await _holidays(creation, parts, plant, nodes[parts.tree.slug])
    since, until = creation.now - BACK, creation.now + AHEAD
    await keep_shifts(creation.tx, creation.project_id, plant, since, until)


async def _patterns(creation: Creation, parts: Template, nodes: Mapping[str, int]) -> None:
    await creation.tx.execute_many(
        "INSERT INTO shift_pattern (project_id, uid, node_id, name, rule, valid_from, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            (
                creation.project_id,
                new_uuid(creation.now),
                nodes[node],
                Jsonb(part.name),
                Jsonb(msgspec.to_builtins(pattern_of(part))),
                (creation.now - VALID_BEFORE).date(),
                creation.now,
            )
            for node, part in parts.shifts.items()
        ],
    )


async def _holidays(creation: Creation, parts: Template, plant: PlantTime, site: int) -> None:
    await creation.tx.execute_many(
        "INSERT INTO operating_state (project_id, uid, node_id, state, start_ts, end_ts, first_day,"
        " last_day, source, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'template', %s)",
        [
            (
                creation.project_id,
                new_uuid(creation.now),
                site,
                State.REST.value,
                plant.start_of(first),
                plant.start_of(last + DAY),
                first,
                last,
                creation.now,
            )
            for first, last in holiday_spans(parts.holidays)
        ],
    )


async def _tariffs(creation: Creation, parts: Template) -> None:
    if await creation.has("tariff"):
        return
    await creation.tx.execute_many(
        "INSERT INTO tariff (project_id, energy, name, rules, valid_from, source)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [
            (
                creation.project_id,
                tariff.energy,
                Jsonb(tariff.name),
                Jsonb(tariff.rules),
                creation.now - VALID_BEFORE,
                tariff.source,
            )
            for tariff in parts.all_tariffs()
        ],
    )


async def _factors(creation: Creation, parts: Template) -> None:
    if await creation.has("factor"):
        return
    used = parts.used_energies()
    published = [
        (energy.code, f.substance, f.basis, f.value, f.valid_from.isoformat(), f.source)
        for energy in energy_types().values()
        if energy.code in used
        for f in energy.factors
    ]
    own = [
        (f.energy, f.substance, f.basis, Decimal(f.value), f.valid_from, f.source)
        for f in parts.factors
    ]
    await creation.tx.execute_many(
        "INSERT INTO factor (project_id, energy, substance, basis, value, valid_from, source)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            (creation.project_id, *key, value, _midnight(day), source)
            for *key, value, day, source in (*published, *own)
        ],
    )
    # A plant's own version ends the published one.
    await creation.tx.execute(
        "UPDATE factor f SET valid_to = (SELECT min(n.valid_from) FROM factor n"
        " WHERE n.project_id = %(project)s AND n.energy = f.energy AND n.substance = f.substance"
        " AND n.basis = f.basis AND n.valid_from > f.valid_from)"
        " WHERE f.project_id = %(project)s",
        {"project": creation.project_id},
    )


async def _alarms(creation: Creation, parts: Template, nodes: Mapping[str, int]) -> None:
    if await creation.has("alarm"):
        return
    await creation.tx.execute_many(
        "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params, priority,"
        " mode, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, 'live', %s)",
        [
            (
                creation.project_id,
                new_uuid(creation.now),
                alarm.kind,
                Jsonb(alarm.name),
                None if alarm.node is None else nodes[alarm.node],
                Jsonb(alarm.params),
                alarm.priority,
                creation.now,
            )
            for alarm in parts.all_alarms()
        ],
    )


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
