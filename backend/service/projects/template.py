"""Project templates: YAML files checked as a whole before the first row is written."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from backend.core.errors import OperatingError

TEMPLATES = Path(__file__).parent / "templates"

Name = dict[str, str]


class ProjectPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project itself."""

    name: Name
    zone: str
    currency: str
    day_start_minute: int = 0
    demo: bool = False


class GatewayPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The edge node that feeds the project."""

    slug: str
    name: Name


class MeterPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meter: which device's points it reads, nameplate in the energy's unit an hour."""

    en: str
    zh: str
    energy: str
    device: str
    nameplate: float
    circuit: str | None = None
    level: int = 3

    def point(self, key: str) -> str:
        """The metric's name of a point key."""
        return f"{self.circuit}/{key}" if self.circuit else key


class NodePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place with the meters whose sum is its account."""

    slug: str
    kind: str
    en: str
    zh: str
    meters: list[str] = []
    children: list["NodePart"] = []


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


class SlotPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of a shift, and its phase in the rota."""

    start: str
    end: str
    phase: int


class SlotChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other hours of a shift at one node."""

    start: str | None = None
    end: str | None = None


class ShiftsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Teams, weekdays (1 = Monday), shifts, and which nodes work in which."""

    teams: list[str]
    weekdays: list[int]
    slots: dict[str, SlotPart]
    nodes: dict[str, dict[str, SlotChange]]


class TariffPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tariff; `rules` are those of backend.aggregation.tariff."""

    energy: str
    name: Name
    source: str
    rules: dict[str, object]


class FactorPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A factor beside the published ones."""

    energy: str
    substance: str
    value: str
    basis: str
    source: str
    valid_from: str


class AlarmPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alarm definition."""

    kind: str
    name: Name
    priority: int
    params: dict[str, object]
    node: str | None = None


class PersonPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person of the demonstration."""

    login: str
    role: str
    locale: str
    name: Name


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
    """Everything a project begins with."""

    project: ProjectPart
    gateway: GatewayPart
    meters: dict[str, MeterPart]
    points: dict[str, list[str]]
    tree: NodePart
    contract: ContractPart
    shed: list[ShedPart]
    shifts: ShiftsPart
    holidays: list[tuple[str, int]]
    tariffs: list[TariffPart]
    factors: list[FactorPart]
    alarms: list[AlarmPart]
    people: list[PersonPart] = []
    stocks: dict[str, StockPart] = {}
    rounds: dict[str, RoundPart] = {}

    def nodes(self) -> Iterator[tuple[NodePart, NodePart | None]]:
        """Every node with its parent, parents first."""
        waiting: list[tuple[NodePart, NodePart | None]] = [(self.tree, None)]
        while waiting:
            node, parent = waiting.pop(0)
            yield node, parent
            waiting.extend((child, node) for child in node.children)


def template_names() -> list[str]:
    """The templates that ship."""
    return sorted(file.stem for file in TEMPLATES.glob("*.yaml"))


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
    nodes = [node.slug for node, _ in template.nodes()]
    meters = {meter for node, _ in template.nodes() for meter in node.meters}
    named = {template.contract.node, *(item.node for item in template.shed)}
    named |= {alarm.node for alarm in template.alarms if alarm.node} | set(template.shifts.nodes)
    checks = (
        (sorted({slug for slug in nodes if nodes.count(slug) > 1}), "is there twice"),
        (sorted(meters - set(template.meters)), "is no meter"),
        (sorted(named - set(nodes)), "is no node"),
        (
            sorted({meter.energy for meter in template.meters.values()} - set(template.points)),
            "has no points",
        ),
    )
    return next((f"{found[0]!r} {what}" for found, what in checks if found), None)
