"""Devices in the configuration document of a gateway: found, written anew, taken out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import yaml

from backend.service.meter_list.columns import WIRING, Listed

DEVICES = "devices"
Entry = dict[str, object]


@dataclass(frozen=True, slots=True)
class DeviceEdit:
    """What becomes of a device of a document; `after` None takes it out."""

    device: str
    after: Listed | None


def entries(data: Mapping[str, object]) -> list[Entry]:
    """Answer the devices of a document, as it says them."""
    found = data.get(DEVICES)
    if not isinstance(found, list):
        return []
    return [dict(one) for one in found if isinstance(one, dict)]


def wiring_of(entry: Mapping[str, object]) -> dict[str, str | int | Decimal | None]:
    """Answer what a document says of a device, by the fields of the list."""
    return {name: _value(name, entry.get(name)) for name in WIRING}


def edited(data: Mapping[str, object], edits: Sequence[DeviceEdit]) -> str:
    """Answer a document's text with devices added, changed and taken out; the rest stays."""
    known = {str(entry.get("slug")): entry for entry in entries(data)}
    for edit in edits:
        if edit.after is None:
            known.pop(edit.device, None)
        else:
            known[edit.device] = _written(edit.device, known.get(edit.device, {}), edit.after)
    whole = {**data, DEVICES: list(known.values())}
    text: str = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=120)
    return text


def _written(slug: str, before: Entry, row: Listed) -> Entry:
    told = {name: _plain(row.told(name)) for name in WIRING}
    kept = {name: value for name, value in before.items() if name not in WIRING}
    return {**kept, "slug": slug} | {
        name: value for name, value in told.items() if value is not None
    }


def _value(name: str, found: object) -> str | int | Decimal | None:
    if name in {"ct", "pt"} and isinstance(found, int | float):
        return Decimal(repr(found)).normalize()
    return found if isinstance(found, str | int) else None


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
