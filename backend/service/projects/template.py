"""Project templates: YAML files checked as a whole before the first row is written."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from backend.core.errors import OperatingError
from backend.service.plant.trees import ORGANISATION
from backend.service.projects.ready_parts import (
    AlarmPart,
    Name,
    ReadyPart,
    TariffPart,
    ready_alarms,
    ready_tariffs,
)
from gateway.contract.energy import energy_types

TEMPLATES = Path(__file__).parent / "templates"


class ProjectPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project itself."""

    name: Name
    zone: str
    currency: str
    day_start_minute: int = 0
    demo: bool = False
    calendar: str | None = None


class GatewayPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The edge node that feeds the project."""

    slug: str
    name: Name


class MeterPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meter: which device's points it reads, nameplate in the energy's unit an hour.

    `accuracy` in percent, `role` as in backend.service.plant.supply, `own_product`: made from what
    is counted already.
    """

    en: str
    zh: str
    energy: str
    device: str
    nameplate: float
    circuit: str | None = None
    level: int = 3
    accuracy: str | None = None
    role: str | None = None
    own_product: bool = False

    def point(self, key: str) -> str:
        """The metric's name of a point key."""
        return f"{self.circuit}/{key}" if self.circuit else key


class NodePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place with the meters whose sum is its account; `shares` are those with a coefficient."""

    slug: str
    kind: str
    en: str
    zh: str
    meters: list[str] = []
    shares: dict[str, str] = {}
    level: int | None = None
    major: bool = False
    children: list["NodePart"] = []

    def terms(self) -> Iterator[tuple[str, Decimal]]:
        """Every meter that counts, with its coefficient."""
        yield from ((meter, Decimal(1)) for meter in self.meters)
        yield from ((meter, Decimal(share)) for meter, share in self.shares.items())


class TreePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another way to group the same meters."""

    slug: str
    kind: str
    en: str
    zh: str
    roots: list[NodePart]


class ConversionPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node where one energy becomes another, as in backend.service.plant.conversions."""

    node: str
    kind: str
    inputs: list[str] = []
    outputs: list[str] = []
    params: dict[str, str] = {}


class PlacedNode(NamedTuple):
    """A node, the one above it, and the tree of both."""

    node: NodePart
    parent: NodePart | None
    tree: str


class ContractPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the demand of a node's meters is held against."""

    node: str
    contract_demand_kw: int
    capacity_kva: int
    demand_price: str


class ShedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Equipment that may stop."""

    node: str
    power_kw: int
    max_minutes: int


class SlotChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other hours of a slot than the ready-made pattern's."""

    start: str | None = None
    end: str | None = None


class PatternPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node's shifts: a ready-made pattern, with these of its slots only, at these hours."""

    ready: str
    name: Name
    slots: dict[str, SlotChange]
    days: str = "calendar"


class FactorPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A factor beside the published ones."""

    energy: str
    substance: str
    value: str
    basis: str
    source: str
    valid_from: str


class PersonPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person of the demonstration."""

    login: str
    role: str
    locale: str
    name: Name


class LedgerPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the meter ledger says of an energy's meters: class in percent, end of calibration."""

    accuracy: str
    calibrated_until: str


class EquipmentPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a node's states are told from a meter's power, kW; equipment of one twin is compared."""

    node: str
    kind: str
    meter: str
    standby_kw: int
    load_kw: int
    rated_kw: int
    dwell_s: int = 60
    twin: str | None = None


class PaperPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stock paper so many days before the project began, at a local time."""

    days: int
    at: str
    kind: str
    quantity: str
    price: str | None = None
    calorific: tuple[str, str] | None = None
    supplier: str | None = None
    reference: str | None = None


class StockPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An energy that is kept in stock, its papers in its display unit, and a standing estimate."""

    en: str
    zh: str
    energy: str
    nodes: list[str]
    papers: list[PaperPart]
    per_day: str | None = None


class RoundPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A register that people read: its unit, and readings so many days ago."""

    en: str
    zh: str
    energy: str
    unit: str
    nameplate: int
    every_days: int
    modulus: float
    readings: dict[int, str]


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a project begins with; `energies` beside those of its meters have factors."""

    project: ProjectPart
    gateway: GatewayPart
    tree: NodePart
    shifts: dict[str, PatternPart]
    rest_weekdays: list[int]
    about: Name = {}
    energies: list[str] = []
    ready: ReadyPart = ReadyPart()
    meters: dict[str, MeterPart] = {}
    points: dict[str, list[str]] = {}
    contract: ContractPart | None = None
    shed: list[ShedPart] = []
    holidays: list[tuple[str, int]] = []
    tariffs: list[TariffPart] = []
    factors: list[FactorPart] = []
    alarms: list[AlarmPart] = []
    people: list[PersonPart] = []
    trees: list[TreePart] = []
    ledger: dict[str, LedgerPart] = {}
    equipment: list[EquipmentPart] = []
    conversions: list[ConversionPart] = []
    stocks: dict[str, StockPart] = {}
    rounds: dict[str, RoundPart] = {}

    def nodes(self) -> Iterator[PlacedNode]:
        """Every node of every tree, parents first."""
        waiting = [PlacedNode(self.tree, None, ORGANISATION)]
        waiting += [PlacedNode(root, None, tree.slug) for tree in self.trees for root in tree.roots]
        while waiting:
            placed = waiting.pop(0)
            yield placed
            waiting.extend(
                PlacedNode(child, placed.node, placed.tree) for child in placed.node.children
            )

    def used_energies(self) -> set[str]:
        """The energies that have factors from the beginning."""
        return {meter.energy for meter in self.meters.values()} | set(self.energies)

    def all_tariffs(self) -> list[TariffPart]:
        """Its own tariffs and the shared ones that it takes."""
        return [*self.tariffs, *(ready_tariffs()[code] for code in self.ready.tariffs)]

    def all_alarms(self) -> list[AlarmPart]:
        """Its own alarm definitions and the shared ones that it takes."""
        return [*self.alarms, *(ready_alarms()[code] for code in self.ready.alarms)]


def template_names() -> list[str]:
    """The templates that ship."""
    return sorted(file.stem for file in TEMPLATES.glob("*.yaml"))


@cache
def offered_templates() -> dict[str, Template]:
    """Answer what new projects can be made from, by name."""
    read = {name: read_template(name) for name in template_names()}
    return {name: parts for name, parts in read.items() if not parts.project.demo}


def read_template(name: str) -> Template:
    """The shipped template of this name. Raises OperatingError."""
    file = TEMPLATES / f"{name}.yaml"
    if not file.is_file():
        raise OperatingError(f"No template {name!r}; there are {', '.join(template_names())}.")
    try:
        template = msgspec.convert(yaml.safe_load(file.read_text("utf-8")), Template)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise OperatingError(f"{file.name}: {error}. Correct the template.") from error
    wrong = _dangling(template)
    if wrong:
        raise OperatingError(f"{file.name}: {wrong}. Correct the template.")
    return template


def _dangling(template: Template) -> str | None:
    """What a template names and does not have; None when all is there."""
    nodes = [placed.node.slug for placed in template.nodes()]
    meters = {meter for placed in template.nodes() for meter, _ in placed.node.terms()}
    meters |= {part.meter for part in template.equipment}
    named = {item.node for item in template.shed}
    named |= set() if template.contract is None else {template.contract.node}
    named |= {alarm.node for alarm in template.alarms if alarm.node} | set(template.shifts)
    named |= {part.node for part in template.equipment}
    named |= {conversion.node for conversion in template.conversions}
    meters |= {meter for one in template.conversions for meter in (*one.inputs, *one.outputs)}
    checks = (
        (sorted({slug for slug in nodes if nodes.count(slug) > 1}), "is there twice"),
        (sorted(meters - set(template.meters)), "is no meter"),
        (sorted(named - set(nodes)), "is no node"),
        (
            sorted({meter.energy for meter in template.meters.values()} - set(template.points)),
            "has no points",
        ),
        (sorted(template.used_energies() - set(energy_types())), "is no energy"),
        (sorted(set(template.ready.tariffs) - set(ready_tariffs())), "is no shared tariff"),
        (sorted(set(template.ready.alarms) - set(ready_alarms())), "is no shared alarm"),
    )
    return next((f"{found[0]!r} {what}" for found, what in checks if found), None)
