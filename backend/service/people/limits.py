"""What a membership is limited to, and what of the plant that shows: `read_sight`.

A meter is seen where it counts now at a seen place; of its device what is of its circuit is seen
too. Who is limited to modules alone sees every place.
"""

from dataclasses import dataclass
from datetime import datetime

from backend.core.db import ReadSession
from backend.core.sight import Sight
from backend.service.people.roles import Module

EVERYTHING = frozenset(Module)


@dataclass(frozen=True, slots=True)
class Limit:
    """A place with all below it (None: the whole plant), and the open modules."""

    node_id: int | None = None
    modules: frozenset[Module] = EVERYTHING

    @property
    def part(self) -> bool:
        """Whether it is a part of the plant."""
        return self.node_id is not None

    @property
    def words(self) -> list[str] | None:
        """The modules as they are stored; None for all."""
        opened = [one.value for one in Module if one in self.modules]
        return None if self.modules == EVERYTHING else opened

    @property
    def anything(self) -> bool:
        """Whether anything is kept from the member."""
        return self.part or self.modules != EVERYTHING


def limit_of(node_id: int | None, modules: list[str] | None) -> Limit:
    """Answer the limit that a membership's columns mean."""
    if modules is None:
        return Limit(node_id)
    words = set(modules)
    return Limit(node_id, frozenset(one for one in Module if one.value in words))


_SIGHT = """
WITH RECURSIVE below AS (
    SELECT n.id FROM node n
    WHERE n.project_id = %(project)s
      AND CASE WHEN %(node)s::bigint IS NULL THEN n.parent_id IS NULL ELSE n.id = %(node)s END
    UNION
    SELECT n.id FROM node n JOIN below b ON n.parent_id = b.id WHERE n.project_id = %(project)s
), above AS (
    SELECT n.id, n.parent_id FROM node n WHERE n.project_id = %(project)s AND n.id = %(node)s
    UNION
    SELECT n.id, n.parent_id FROM node n JOIN above a ON n.id = a.parent_id
    WHERE n.project_id = %(project)s
), mine AS MATERIALIZED (
    SELECT m.id, m.device_id, m.register_name, m.power_name, m.point_id FROM meter m
    WHERE m.project_id = %(project)s AND (%(node)s::bigint IS NULL OR m.id IN (
        SELECT t.meter_id FROM node_meter t WHERE t.project_id = %(project)s
          AND t.node_id IN (SELECT id FROM below)
          AND (t.valid_to IS NULL OR t.valid_to > %(now)s)))
), seen AS (
    SELECT p.id FROM mine m JOIN point p ON p.project_id = %(project)s
      AND p.device_id = m.device_id
      AND (p.name IN (m.register_name, m.power_name)
           OR coalesce(substring(p.name FROM '^(.*)/'), '')
            = coalesce(substring(m.register_name FROM '^(.*)/'), ''))
    UNION SELECT m.point_id FROM mine m WHERE m.point_id IS NOT NULL
    UNION SELECT s.point_id FROM meter_source s
      WHERE s.project_id = %(project)s AND s.meter_id IN (SELECT id FROM mine)
    UNION SELECT e.status_point_id FROM equipment e
      WHERE e.project_id = %(project)s AND e.node_id IN (SELECT id FROM below)
        AND e.status_point_id IS NOT NULL
), devices AS (SELECT DISTINCT device_id AS id FROM mine WHERE device_id IS NOT NULL)
SELECT ARRAY(SELECT id FROM below), ARRAY(SELECT id FROM below UNION SELECT id FROM above),
       ARRAY(SELECT id FROM mine), ARRAY(SELECT id FROM devices),
       ARRAY(SELECT DISTINCT d.gateway_id FROM device d
             WHERE d.project_id = %(project)s AND d.id IN (SELECT id FROM devices)),
       ARRAY(SELECT id FROM seen)
"""
_WHOLE_PLANT = """
SELECT ARRAY(SELECT id FROM device WHERE project_id = %(project)s),
       ARRAY(SELECT id FROM gateway WHERE project_id = %(project)s),
       ARRAY(SELECT id FROM point WHERE project_id = %(project)s)
"""


async def read_sight(tx: ReadSession, project_id: int, limit: Limit, now: datetime) -> Sight:
    """Read what a limited member sees at `now`: one statement, two for the whole plant."""
    asked = {"project": project_id, "node": limit.node_id, "now": now}
    nodes, line, meters, devices, gateways, points = (await tx.fetch_tuples(_SIGHT, asked))[0]
    if not limit.part:
        devices, gateways, points = (await tx.fetch_tuples(_WHOLE_PLANT, asked))[0]
    modules = frozenset(one.value for one in limit.modules)
    return Sight(
        tuple(nodes), tuple(line), tuple(meters),
        tuple(devices), tuple(gateways), tuple(points), modules,
    )  # fmt: skip
