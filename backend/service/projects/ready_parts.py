"""What templates share, as data: tariffs, alarm definitions, and standards with their editions."""

from functools import cache
from pathlib import Path

import msgspec
import yaml

FOLDER = Path(__file__).parent / "ready"

Name = dict[str, str]


class TariffPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tariff; `rules` are those of backend.aggregation.tariff."""

    energy: str
    name: Name
    source: str
    rules: dict[str, object]


class AlarmPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alarm definition."""

    kind: str
    name: Name
    priority: int
    params: dict[str, object]
    node: str | None = None


class StandardPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A standard of which projects choose the edition, the newest first."""

    name: Name
    editions: list[str]


class ReadyPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The codes of shared parts that a template takes."""

    tariffs: list[str] = []
    alarms: list[str] = []


@cache
def ready_tariffs() -> dict[str, TariffPart]:
    """Answer the shared tariffs by code."""
    return msgspec.convert(_file("tariffs"), dict[str, TariffPart])


@cache
def ready_alarms() -> dict[str, AlarmPart]:
    """Answer the shared alarm definitions by code."""
    return msgspec.convert(_file("alarms"), dict[str, AlarmPart])


@cache
def standards() -> dict[str, StandardPart]:
    """Answer the standards by code."""
    return msgspec.convert(_file("standards"), dict[str, StandardPart])


def _file(name: str) -> object:
    loaded: object = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return loaded
