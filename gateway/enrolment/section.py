"""What a configuration says about TLS and enrolment: parsed here, written here by `enrol`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import msgspec
import yaml

from gateway.contract.clock import SystemClock
from gateway.enrolment.known_time import KnownTime
from gateway.enrolment.tls import TlsClient

OWN = ("url", "credential", "secret", "certificate", "key", "ca")
"""Keys of `mqtt` that an enrolment decides; all others stay as they are."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Where this gateway renews: the platform, whom to trust there, and the files it replaces."""

    config: Path
    platform: str
    https: TlsClient
    identity: Path
    authorities: Path


class EnrolmentEntry(msgspec.Struct):
    """`enrolment` of the file."""

    platform: str
    ca: str | None = None


class TlsEntry(msgspec.Struct):
    """The files that `mqtt` names; `key` may stand in the same file as `certificate`."""

    certificate: str | None = None
    key: str | None = None
    ca: str | None = None


def read_tls(entry: TlsEntry, folder: Path, node: str, environment: Mapping[str, str]) -> TlsClient:
    """Answer our side of TLS towards the broker; paths are relative to the file's folder."""
    return TlsClient(
        known_time(folder, node, environment),
        None if entry.ca is None else folder / entry.ca,
        None if entry.certificate is None else folder / entry.certificate,
        None if entry.key is None else folder / entry.key,
    )


def read_enrolment(
    entry: EnrolmentEntry | None, broker: TlsClient, config: Path
) -> Enrolment | None:
    """Answer where to renew; None where nothing is to be renewed."""
    if entry is None or broker.certificate is None or broker.authorities is None:
        return None
    https = TlsClient(broker.known, None if entry.ca is None else config.parent / entry.ca)
    platform = entry.platform.rstrip("/")
    return Enrolment(config, platform, https, broker.certificate, broker.authorities)


def known_time(folder: Path, node: str, environment: Mapping[str, str]) -> KnownTime:
    """Answer what this gateway knows of the time, kept beside its configuration.

    TLS lives in real time: an accelerated platform teaches nothing about it.
    """
    learns = not environment.get("KILOWISE_CLOCK")
    return KnownTime(folder / f"{node}.time", SystemClock(), learns=learns)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an enrolment decides about a configuration; files are named relative to it."""

    project: str
    node: str
    broker: str
    identity: str
    authorities: str
    platform: str
    platform_ca: str | None

    def values(self, mqtt: Mapping[str, object]) -> dict[str, object]:
        """Answer the values of the top level, with what else an existing `mqtt` had."""
        kept = {key: value for key, value in mqtt.items() if key not in OWN}
        files = {"certificate": self.identity, "ca": self.authorities}
        ca = {} if self.platform_ca is None else {"ca": self.platform_ca}
        return {
            "project": self.project,
            "node": self.node,
            "mqtt": {"url": self.broker, **files, **kept},
            "enrolment": {"platform": self.platform, **ca},
        }


SKELETON = dedent("""\
    # A Kilowise gateway (kilowise-gateway run --help shows more).
    {settings}
    # One line a device; kilowise-gateway profile show lists the profiles.
    #   - {{slug: incomer-1, profile: eastron/sdm630, host: 192.0.2.10, unit: 1}}
    devices: []
    """)


def updated(text: str | None, settings: Settings) -> str:
    """Answer a configuration with these settings: a new one, or the old with its rest untouched.

    ValueError for a text that is no YAML mapping.
    """
    if text is None or not text.strip():
        values = settings.values({})
        lines = [f"{key}: {_written(value)}" for key, value in values.items()]
        return SKELETON.format(settings="\n".join(lines))
    try:
        root, data = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("it is no YAML") from error
    if not isinstance(root, yaml.MappingNode) or root.flow_style or not isinstance(data, dict):
        raise ValueError("it is no configuration")
    mqtt = data.get("mqtt")
    values = settings.values(mqtt if isinstance(mqtt, dict) else {})
    return _replaced(text, root, values)


def _replaced(text: str, root: yaml.MappingNode, values: Mapping[str, object]) -> str:
    """Put each value where its key stands, and those whose key is missing before all others."""
    places = {key.value: (key, value) for key, value in root.value}
    for name in sorted(values.keys() & places.keys(), key=lambda n: -places[n][0].start_mark.index):
        key, value = places[name]
        end = value.end_mark.index
        block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        line = f"{name}: {_written(values[name])}"
        text = text[: key.start_mark.index] + line + ("\n" if block else "") + text[end:]
    missing = [
        f"{name}: {_written(value)}\n" for name, value in values.items() if name not in places
    ]
    return "".join(missing) + text


def _written(value: object) -> str:
    """Answer a value as YAML reads it: plain words as they are, all else as JSON."""
    if isinstance(value, dict):
        parts = (f"{key}: {json.dumps(inner, ensure_ascii=False)}" for key, inner in value.items())
        return "{" + ", ".join(parts) + "}"
    return str(value)
