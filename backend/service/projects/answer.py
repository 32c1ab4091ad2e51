"""The demonstration answers for the people of the plant: who takes a demand alarm sheds the load.

In a real plant somebody walks to the furnace. Here, a while after a demand alarm was taken, the
simulated plant is asked to end the story's extra load, and the curve bends.
"""

import asyncio
import json
import logging
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from backend.core.errors import Unavailable
from backend.core.platform import Platform
from gateway.contract.demo import CONTROL_PATH, STATE_FILE, STATE_PATH, Request

log = logging.getLogger(__name__)

SLUG = "demo"
LOOK_S = 2.0
WALK = timedelta(seconds=20)
"""How long people need from the phone to the furnace."""
RECENT = timedelta(minutes=30)
PATIENCE_S = 5.0

_TAKEN = """
SELECT max(t.recorded_at) AS at
FROM alarm_transition t
JOIN alarm_definition d ON d.project_id = %(project)s AND d.id = t.definition_id
WHERE t.project_id = %(project)s AND d.kind = 'demand_forecast' AND t.cause = 'ack'
  AND t.recorded_at > %(since)s
"""


async def run(platform: Platform) -> None:
    """Watch until cancelled; each taking of an alarm sheds once."""
    answered = platform.clock.now()
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                taken = await taken_at(platform, max(answered, platform.clock.now() - RECENT))
                if taken is not None and platform.clock.now() - taken >= WALK:
                    answered = taken
                    await shed(platform.settings.data_folder, client)
            except (Unavailable, psycopg.Error) as error:
                log.info("nobody knows whether an alarm was taken: %s", error)
            except (OSError, ValueError, KeyError, httpx.HTTPError) as error:
                log.info("the simulated plant was not asked to shed: %s", error)


async def taken_at(platform: Platform, since: datetime) -> datetime | None:
    """When a demand alarm of the demonstration was last taken after `since`."""
    async with platform.database.platform_read() as tx:
        project = await tx.fetch_value(
            "SELECT id FROM project WHERE slug = %s AND demo", (SLUG,), into=int
        )
    if project is None:
        return None
    async with platform.database.read(project) as tx:
        return await tx.fetch_value(_TAKEN, {"project": project, "since": since}, into=datetime)


async def shed(data: Path, client: httpx.AsyncClient) -> bool:
    """End the story's extra load if it is told now; says whether it was."""
    port = int(json.loads((data / STATE_FILE).read_text(encoding="utf-8"))["control"])
    state = (await client.get(f"http://127.0.0.1:{port}{STATE_PATH}")).json()
    if not state["story"]:
        return False
    answer = await client.post(
        f"http://127.0.0.1:{port}{CONTROL_PATH}", json={"fault": Request.SHED.value}
    )
    answer.raise_for_status()
    return True
