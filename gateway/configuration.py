"""Configuration documents from the platform: checked, applied while everything runs, taken back.

A document that is not usable changes nothing. One under which the platform does not acknowledge
within the time the configuration allows is rolled back to the one before. Whatever happens is
answered through the journal.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gateway.config import GatewayConfig, load_config
from gateway.config_store import ConfigStore, Held
from gateway.contract import topics
from gateway.contract.clock import Clock
from gateway.contract.configuration import (
    ConfigDocument,
    ConfigResult,
    ConfigState,
    encode_config_result,
)
from gateway.contract.documents import DocumentFault
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.journal import NODE, Journal

log = logging.getLogger(__name__)

MAX_STARTS = 3
"""Starts with an unconfirmed document, after which it is taken for the cause of the crashes."""
LOOK_S = 0.5
MAX_PROBLEMS = 50


class Applies(Protocol):
    """Who serves the lines (gateway.site.Site)."""

    async def apply(self, config: GatewayConfig) -> list[str]:
        """Serve what a configuration says; answers what nobody can serve."""
        ...


class Link(Protocol):
    """The connection to the platform (gateway.publish.EdgeNode)."""

    @property
    def contact_s(self) -> float | None:
        """When the platform last acknowledged, on the clock's monotonic scale; None = never."""
        ...

    def platform_ms(self) -> int:
        """The platform's time, UTC milliseconds."""
        ...

    def move_to(self, host: str, port: int, *, tls: bool) -> None:
        """Be connected to this broker from now on."""
        ...

    def rebirth(self) -> None:
        """Say all births again."""
        ...


class Configuration:
    """Which configuration is in force; `begin` once, then `run` until cancelled."""

    def __init__(
        self,
        file: Path,
        environment: Mapping[str, str],
        local: GatewayConfig,
        journal: Journal,
        clock: Clock,
        site: Applies,
        link: Link,
    ) -> None:
        """`local` is the gateway's own file as it was read at the start."""
        self._file = file
        self._environment = environment
        self._local = local
        self._journal = journal
        self._clock = clock
        self._site = site
        self._link = link
        self._store = ConfigStore(local.journal)
        self._offered: ConfigDocument | None = None
        self._bell = asyncio.Event()
        self._applied_s = 0.0
        self._contact_within_s = local.contact_s

    @property
    def current(self) -> ConfigDocument | None:
        """The document in force; None = the gateway's own file alone."""
        return self._store.held.current

    def offer(self, document: ConfigDocument) -> None:
        """Take a document; the newest one counts."""
        self._offered = document
        self._bell.set()

    async def begin(self) -> None:
        """Apply what was in force when the gateway ended, or the last good one."""
        await asyncio.to_thread(self._store.load)
        held = self._store.held
        if held.confirmed:
            await self._begin_with(held.current)
            return
        await self._keep(Held(held.current, held.previous, False, held.starts + 1, held.failed))
        if held.starts >= MAX_STARTS:
            await self._roll_back("the gateway ended several times under it")
            return
        await self._begin_with(held.current)
        if held.current is not None:
            self._report(held.current, ConfigState.APPLIED, [])

    async def run(self) -> None:
        """Take documents as they come and watch over one that is not confirmed."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._store.held.confirmed else LOOK_S):
                    await self._bell.wait()
            self._bell.clear()
            document, self._offered = self._offered, None
            if document is not None:
                await self._take(document)
            if not self._store.held.confirmed:
                await self._look_for_contact()

    async def _begin_with(self, document: ConfigDocument | None) -> None:
        try:
            config = self._read(document)
        except DocumentFault as fault:
            log.error("%s\nThe configuration before it counts.", fault)  # noqa: TRY400
            await self._roll_back(str(fault))
            return
        await self._apply(config)

    async def _take(self, document: ConfigDocument) -> None:
        held = self._store.held
        failed = held.failed
        if held.current == document:
            self._report(document, ConfigState.APPLIED, [])
            return
        if failed is not None and (failed.version, failed.hash) == (
            document.version,
            document.hash,
        ):
            self._report(document, failed.state, failed.problems)
            return
        try:
            config = self._read(document)
        except DocumentFault as fault:
            await self._refuse(document, [str(problem) for problem in fault.problems])
            return
        if config.problems:
            await self._refuse(document, [str(problem) for problem in config.problems])
            return
        good = held.current if held.confirmed else held.previous
        await self._keep(Held(document, good, confirmed=False))
        log.info("configuration %d is applied", document.version)
        problems = await self._apply(config)
        self._link.rebirth()
        self._report(document, ConfigState.APPLIED, problems)

    async def _refuse(self, document: ConfigDocument, problems: list[str]) -> None:
        log.error(
            "configuration %d is refused, nothing is changed:\n%s",
            document.version,
            "\n".join(problems),
        )
        failed = self._report(document, ConfigState.REFUSED, problems)
        held = self._store.held
        await self._keep(Held(held.current, held.previous, held.confirmed, held.starts, failed))

    async def _look_for_contact(self) -> None:
        contact = self._link.contact_s
        held = self._store.held
        if contact is not None and contact > self._applied_s:
            await self._keep(Held(held.current, None, failed=held.failed))
            log.info("the platform is in reach: configuration %d stays", _version(held.current))
        elif self._clock.monotonic() - self._applied_s > self._contact_within_s:
            await self._roll_back(
                f"the platform was out of reach for {self._contact_within_s / 60:g} min under it"
            )
            self._link.rebirth()

    async def _roll_back(self, reason: str) -> None:
        """Back to the document before, or to the gateway's own file when it is unusable too."""
        held = self._store.held
        log.error("configuration %d is rolled back: %s.", _version(held.current), reason)
        failed = None
        if held.current is not None:
            failed = self._report(held.current, ConfigState.ROLLED_BACK, [reason])
        document = held.previous
        try:
            config = self._read(document)
        except DocumentFault as fault:
            log.error("%s\nThe gateway's own file counts.", fault)  # noqa: TRY400
            document, config = None, self._local
        await self._keep(Held(document, None, failed=failed))
        await self._apply(config)

    def _read(self, document: ConfigDocument | None) -> GatewayConfig:
        if document is None:
            return self._local
        return load_config(self._file, self._environment, document)

    async def _apply(self, config: GatewayConfig) -> list[str]:
        problems = await self._site.apply(config)
        broker = config.broker
        self._link.move_to(broker.host, broker.port, tls=broker.tls)
        self._contact_within_s = config.contact_s
        self._applied_s = self._clock.monotonic()
        return problems

    async def _keep(self, held: Held) -> None:
        await asyncio.to_thread(self._store.keep, held)

    def _report(
        self, document: ConfigDocument, state: ConfigState, problems: list[str]
    ) -> ConfigResult:
        at_ms = self._link.platform_ms()
        told = problems[:MAX_PROBLEMS]
        result = ConfigResult(document.version, document.hash, state, at_ms, told)
        text = encode_config_result(result)
        metric = Metric(topics.EXT_CONFIG_RESULT, None, Datatype.STRING, text, at_ms)
        self._journal.append(NODE, encode(Payload(None, (metric,))))
        return result


def _version(document: ConfigDocument | None) -> int:
    return 0 if document is None else document.version
