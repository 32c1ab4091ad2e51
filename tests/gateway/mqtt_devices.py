"""Third-party devices that publish JSON on the embedded broker."""

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.contract.profile import Profile
from gateway.drivers.capabilities import Address, Unit, Url
from tests.backend.acquisition_brokers import SITE, RunningBroker, embedded

TOPIC = "meters/7"


def reader_address(broker: RunningBroker, **options: str) -> Address:
    """A line to a broker with the credential of its devices."""
    own = {"user": SITE, "password": broker.secrets[SITE], "client_id": f"{SITE}/in"}
    return Address(
        "mqtt", Url(f"mqtt://127.0.0.1:{broker.port}"), tuple(sorted((own | options).items()))
    )


def documents(items: Mapping[str, object], topic: str = TOPIC) -> dict[str, object]:
    """The messages by topic that hold these items (each container a dictionary or a list)."""
    found: dict[str, object] = {}
    for item, value in items.items():
        suffix, _, path = item.rpartition("#")
        place = f"{topic}/{suffix}" if suffix else topic
        steps = [int(s) if s.isdigit() else s for s in re.findall(r"[^.\[\]]+", path)]
        found[place] = _put(found.get(place), steps, value)
    return found


def _put(holder: object, steps: list[str | int], value: object) -> object:
    if not steps:
        return value
    step, below = steps[0], steps[1:]
    if isinstance(step, int):
        row = list(holder) if isinstance(holder, list) else []
        row += [None] * (step + 1 - len(row))
        row[step] = _put(row[step], below, value)
        return row
    table = dict(holder) if isinstance(holder, dict) else {}
    table[step] = _put(table.get(step), below, value)
    return table


@asynccontextmanager
async def publishing(profile: Profile) -> AsyncIterator[tuple[Address, Unit]]:
    """A device that says its profile's sample again and again."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded(Path(folder)) as broker:
            device = await broker.connect(SITE, client_id=f"{SITE}/device")
            telling = asyncio.create_task(_tell(device.client.publish, profile.sample.items))
            try:
                yield reader_address(broker), TOPIC
            finally:
                telling.cancel()
                with suppress(asyncio.CancelledError):
                    await telling


async def _tell(publish: object, items: Mapping[str, object]) -> None:
    assert callable(publish)
    while True:
        for topic, document in documents(items).items():
            publish(topic, json.dumps(document), qos=0)
        await asyncio.sleep(0.05)
