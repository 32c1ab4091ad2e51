"""A meter list for a new gateway: enrolled, it reads what the list says, and values come."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.contract.profile_file import find_profile
from gateway.simulator.modbus import Bus
from gateway.simulator.sample_device import SampleDevice
from tests.graphql.conftest import session_token
from tests.graphql.sites import Site, program, site
from tests.graphql.workbooks import workbook
from tests.postgres import MakePerson

__all__ = ["site"]

PROFILE = "eastron/sdm630"
UNITS = range(1, 11)
HEADERS = ("name", "energy", "gateway", "device", "profile", "host", "port", "unit id")
SEEN = """
SELECT count(*) FROM last_value v
JOIN point p ON p.project_id = v.project_id AND p.id = v.point_id
JOIN device d ON d.project_id = p.project_id AND d.id = p.device_id
WHERE v.project_id = %s AND d.slug LIKE 'press-%%' AND p.name = 'p'
"""


@pytest.fixture
async def bus() -> AsyncIterator[int]:
    """Ten simulated meters on one Modbus TCP port: the port."""
    device = SampleDevice(find_profile(PROFILE), lambda: 1.0, moves=True)
    served = Bus([device.unit(unit) for unit in UNITS])
    yield await served.start("127.0.0.1", 0)
    await served.stop()


async def test_ten_meters_of_a_workbook_are_read(
    site: Site, bus: int, make_person: MakePerson
) -> None:
    project = site.tenant.tenant
    boss = await make_person("boss", project, role="administrator")
    token = await session_token(site.process, boss, bearer=True)
    rows = [
        (f"Press {unit}", "electricity", "box-9", f"press-{unit}", PROFILE, "127.0.0.1", bus, unit)
        for unit in UNITS
    ]
    about = "project=acme"
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, trust_env=False) as opened:
        content = workbook(HEADERS, *rows)
        looked = (await opened.post(f"/api/v1/meter-lists?{about}", content=content)).json()
        assert looked["faults"] == []
        done = await opened.post(f"/api/v1/meter-lists/{looked['id']}/apply?{about}")
        assert done.json()["state"] == "applied"
        code = await opened.post(f"/api/v1/gateways/box-9/enrolment-code?{about}")
    assert await site.type_in("enrol", site.url, code.json()["code"]) == 0
    async with program("-m", "gateway", "run", "--config", str(site.config)):
        async with asyncio.timeout(60):
            while await _seen(site, project.id) < len(UNITS):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def _seen(site: Site, project: int) -> int:
    """How many of the ten have told their power."""
    async with site.platform.database.read(project) as tx:
        return await tx.fetch_value(SEEN, (project,), into=int) or 0
