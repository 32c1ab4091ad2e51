"""The gateway configuration that reads a simulated plant: ports in use, units, profiles, names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.simulator.field import Field

REGISTER_EVERY_S = 5
"""Registers between quarter hours travel at most this often; at quarter hours always."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the simulated gateway reaches its broker; what is None comes from its environment."""

    secret: str | None = None
    url: str | None = None


def local_secret(data: Path, project: str, gateway: str) -> str | None:
    """The secret that the platform on this machine keeps for a gateway of its demo, if any."""
    file = data / "broker" / f"{project}.{gateway}.secret"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None


def gateway_file(
    field: Field,
    host: str,
    ports: Mapping[str, int],
    profiles: Sequence[Path] = (),
    access: Access | None = None,
) -> str:
    """The YAML text, in the form that gateway/config.py reads."""
    model = field.plant.model
    document: dict[str, object] = {
        "project": model.project,
        "node": model.gateway,
        "mqtt": _mqtt(f"{model.project}.{model.gateway}", access or Access()),
        "register_every_s": REGISTER_EVERY_S,
        "profile_dirs": [str(folder.resolve()) for folder in profiles],
        "devices": [_device(field, slug, host, ports) for slug in field.meters],
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


def _mqtt(credential: str, access: Access) -> dict[str, str]:
    row = {"credential": credential}
    if access.url is not None:
        row["url"] = access.url
    if access.secret is not None:
        row["secret"] = access.secret
    return row


def _device(field: Field, slug: str, host: str, ports: Mapping[str, int]) -> dict[str, object]:
    device = field.meters[slug].device
    row: dict[str, object] = {
        "slug": slug,
        "profile": device.profile,
        "host": host,
        "port": ports[device.bus],
        "unit": device.unit_id,
        "poll_s": field.steps[slug],
    }
    if device.pt != 1:
        row["pt"] = float(device.pt)
    if device.ct != 1:
        row["ct"] = float(device.ct)
    return row
