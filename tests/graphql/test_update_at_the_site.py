"""A person asks for an update on the platform; the gateway at the site fetches it, tries it, keeps
it or takes it back, and says so. Real supervisor, real https, real broker.
"""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from backend.service.gateways import asked, releases
from backend.service.gateways.configuration import GatewayKey
from backend.service.people.asker import Asker
from gateway.update.software import Software
from tests.gateway.releases import Maker
from tests.graphql.sites import Site, program, site

__all__ = ["site"]

BROKEN = 'raise ImportError("a library is missing")\n'


class Office:
    """Who brings releases and asks for updates, on the platform of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._project = site.tenant.tenant.id
        self._asker = Asker(site.tenant.id, site.tenant.uid)

    async def ask(self, release: Path) -> UUID:
        """Bring a release and ask the gateway to try it."""
        key, now = uuid4(), self._site.platform.clock.now()
        found = await self._site.gateway()
        gateway = GatewayKey(found.id, found.uid)
        async with self._site.platform.database.project(self._project) as tx:
            content = await asyncio.to_thread(release.read_bytes)
            row = await releases.bring(tx, self._project, content, self._asker, now)
            words = (self._project, gateway, key, row.sha256, self._asker, now)
            await releases.ask_update(tx, *words)
        return key

    async def ended(self, key: UUID) -> asked.AskedRow:
        """What came of it, once something did."""
        gateway = await self._site.gateway()
        async with asyncio.timeout(60):
            while True:
                async with self._site.platform.database.read(self._project) as tx:
                    rows = await asked.listed(tx, self._project, gateway.id, 10, updates=True)
                [row] = [row for row in rows if row.uid == key]
                if row.finished_at is not None:
                    return row
                await asyncio.sleep(0.05)


@pytest.mark.long
async def test_an_update_is_kept_and_a_broken_one_taken_back(site: Site, tmp_path: Path) -> None:
    maker, office = Maker(tmp_path / "maker"), Office(site)
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    told = f"update: {{keys: ['{maker.public}'], healthy_within_s: 60}}\n"
    site.config.write_text(site.config.read_text() + told)
    software = Software(site.folder / "software")
    async with program("-m", "gateway", "supervise", "--config", str(site.config)):
        await site.until_online(online=True)
        kept = await office.ended(await office.ask(maker.release("9.0.0")))
        assert (kept.state, kept.code) == ("kept", "done")
        assert kept.answer is not None
        assert kept.answer["now"] == "9.0.0"
        assert kept.answer["before"] not in ("", "9.0.0")
        broken = await office.ended(
            await office.ask(maker.release("9.1.0", {"gateway/run.py": BROKEN}))
        )
        assert (broken.state, broken.code) == ("rolled_back", "not_healthy")
        assert broken.answer == {
            "before": "9.0.0",
            "now": "9.0.0",
            "detail": "it ended with code 1",
        }
        stranger = Maker(tmp_path / "stranger").release("9.2.0")
        refused = await office.ended(await office.ask(stranger))
        assert (refused.state, refused.code) == ("failed", "not_installed")
        assert refused.answer is not None
        assert "is not signed by any of update.keys" in str(refused.answer["detail"])
    assert (software.current, software.confirmed) == ("9.0.0", "9.0.0")
    assert kept.finished_at is not None
    assert kept.not_after - kept.created_at == timedelta(hours=24)
