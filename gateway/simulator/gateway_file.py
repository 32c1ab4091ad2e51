"""The gateway configuration that reads a simulated plant: ports in use, units, profiles, names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from gateway.simulator.field import Field


def gateway_file(
    field: Field, host: str, ports: Mapping[str, int], profiles: Sequence[Path]
) -> str:
    """The YAML text, in the form that gateway/config.py reads."""
    model = field.plant.model
    document: dict[str, object] = {
        "project": model.project,
        "gateway": model.gateway,
        "profile_dirs": [str(folder.resolve()) for folder in profiles],
        "lines": [
            {"name": bus, "driver": "modbus-tcp", "host": host, "port": port}
            for bus, port in ports.items()
        ],
        "devices": [_device(field, slug) for slug in field.meters],
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


def _device(field: Field, slug: str) -> dict[str, object]:
    device = field.meters[slug].device
    row: dict[str, object] = {
        "slug": slug,
        "profile": device.profile,
        "line": device.bus,
        "unit": device.unit_id,
        "period_s": field.steps[slug],
    }
    if device.pt != 1:
        row["pt"] = float(device.pt)
    if device.ct != 1:
        row["ct"] = float(device.ct)
    return row
