"""A template's trees, places and meters, and what counts where.

What exists belongs to people: names, places and memberships are written when they are new, so that
a later start takes nothing back that was changed. Only what a meter is read from follows.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import ceil

from psycopg.types.json import Jsonb

from backend.core.ids import new_uuid
from backend.service.plant.trees import ORGANISATION
from backend.service.projects.creation import Creation
from backend.service.projects.template import MeterPart, NodePart, Template, TreePart

ORGANISATION_NAME = {"en": "Organisation", "zh-CN": "组织"}


async def make_trees(creation: Creation, parts: Template) -> None:
    """Make the trees that are not there: the organisation and those of the template."""
    trees = [(ORGANISATION, ORGANISATION, ORGANISATION_NAME, 0)]
    trees += [(t.slug, t.kind, _both(t), place + 1) for place, t in enumerate(parts.trees)]
    await creation.tx.execute_many(
        "INSERT INTO tree (project_id, slug, kind, name, position) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [
            (creation.project_id, slug, kind, Jsonb(name), place)
            for slug, kind, name, place in trees
        ],
    )


async def known_nodes(creation: Creation) -> dict[str, int]:
    """Answer the places that are there, number by short name."""
    rows = await creation.tx.fetch_tuples(
        "SELECT slug, id FROM node WHERE project_id = %s", (creation.project_id,)
    )
    return {str(slug): int(number) for slug, number in rows}


async def make_nodes(creation: Creation, parts: Template) -> dict[str, int]:
    """Make the places that are not there; answers the new ones."""
    known, made = await known_nodes(creation), {}
    for position, (node, parent, tree) in enumerate(parts.nodes()):
        if node.slug in known:
            continue
        made[node.slug] = known[node.slug] = await creation.insert(
            "INSERT INTO node (project_id, uid, slug, parent_id, kind, name, position, tree, level,"
            " major) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            new_uuid(creation.now),
            node.slug,
            None if parent is None else known[parent.slug],
            node.kind,
            Jsonb(_both(node)),
            position,
            tree,
            node.level,
            node.major,
        )
    return made


async def make_meters(creation: Creation, parts: Template, gateway_id: int) -> dict[str, int]:
    """Make the meters, and have each read from where the template says; answers all of them."""
    devices: dict[str, int] = {}
    meters: dict[str, int] = {}
    for slug, meter in parts.meters.items():
        if meter.device not in devices:
            devices[meter.device] = await _device(creation, gateway_id, slug, meter)
        register, power = parts.points[meter.energy]
        meters[slug] = await creation.insert(
            "INSERT INTO meter AS m (project_id, uid, slug, name, energy, device_id,"
            " register_name, power_name, nameplate_per_hour, level, accuracy, role, own_product)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (project_id, slug) DO UPDATE SET device_id = excluded.device_id,"
            " register_name = excluded.register_name, power_name = excluded.power_name,"
            " role = coalesce(m.role, excluded.role) RETURNING id",
            new_uuid(creation.now),
            slug,
            Jsonb(_both(meter)),
            meter.energy,
            devices[meter.device],
            meter.point(register),
            meter.point(power),
            ceil(meter.nameplate),
            meter.level,
            None if meter.accuracy is None else Decimal(meter.accuracy),
            meter.role,
            meter.own_product,
        )
    return meters


async def _device(creation: Creation, gateway_id: int, slug: str, meter: MeterPart) -> int:
    """A device is named after its meter; one with circuits keeps the name that its birth brings."""
    name = None if meter.circuit else Jsonb(_both(meter))
    return await creation.insert(
        "INSERT INTO device AS d (project_id, uid, gateway_id, slug, name, verified, online)"
        " VALUES (%s, %s, %s, %s, %s, false, false)"
        " ON CONFLICT (project_id, gateway_id, slug) DO UPDATE SET"
        " name = coalesce(excluded.name, d.name) RETURNING id",
        new_uuid(creation.now),
        gateway_id,
        meter.device,
        name,
    )


async def make_memberships(
    creation: Creation, parts: Template, made: Mapping[str, int], meters: Mapping[str, int]
) -> None:
    """Have new places count what the template says."""
    await creation.tx.execute_many(
        "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)"
        " VALUES (%s, %s, %s, %s)",
        [
            (creation.project_id, made[placed.node.slug], meters[meter], coefficient)
            for placed in parts.nodes()
            if placed.node.slug in made
            for meter, coefficient in placed.node.terms()
        ],
    )


async def make_conversions(
    creation: Creation,
    parts: Template,
    nodes: Mapping[str, int],
    meters: Mapping[str, int],
    since: datetime,
) -> None:
    """Define what converts, once; it always did."""
    if await creation.has("conversion"):
        return
    await creation.tx.execute_many(
        "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
        " valid_from) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                creation.project_id,
                new_uuid(creation.now),
                nodes[one.node],
                one.kind,
                Jsonb([meters[slug] for slug in one.inputs]),
                Jsonb([meters[slug] for slug in one.outputs]),
                Jsonb(one.params),
                since,
            )
            for one in parts.conversions
        ],
    )


def _both(part: NodePart | MeterPart | TreePart) -> dict[str, str]:
    return {"en": part.en, "zh-CN": part.zh}
