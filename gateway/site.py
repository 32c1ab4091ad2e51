"""The lines and devices that are served now; a new configuration changes only what differs.

Each line runs by itself: one that crashes is started again, one that hangs is left behind, and
the others do not notice.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config import DeviceConfig, GatewayConfig
from gateway.contract.clock import Clock
from gateway.drivers.capabilities import Address, DriverFault
from gateway.pipeline import Pipeline
from gateway.serving import LinePlan, Served, serve
from gateway.supervision import end, kept
from gateway.targets import Target

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A line that is served, by which plan, and its task."""

    plan: LinePlan
    served: Served
    task: asyncio.Task[None]


class Site:
    """What one gateway serves; `apply` a configuration, `close` at the end."""

    def __init__(self, pipeline: Pipeline, clock: Clock) -> None:
        """Nothing is served yet."""
        self._pipeline = pipeline
        self._clock = clock
        self._lines: dict[Address, Running] = {}

    @property
    def lines(self) -> Mapping[Address, Running]:
        """The lines that are served now."""
        return self._lines

    def target(self, slug: str) -> Target | None:
        """A device as commands see it; None when no line has it."""
        for running in self._lines.values():
            if slug in running.served.targets:
                return running.served.targets[slug]
        return None

    async def apply(self, config: GatewayConfig) -> list[str]:
        """Serve what a configuration says; a line of which nothing changed goes on undisturbed.

        Answers a sentence for each line and device that nobody can serve.
        """
        wanted = line_plans(config)
        changed = [a for a, running in self._lines.items() if wanted.get(a) != running.plan]
        for address in changed:
            await self._stop(address)
        fresh = [plan for address, plan in wanted.items() if address not in self._lines]
        # Together, because each device's aliases wait for the journal's next batch.
        told = await asyncio.gather(*(self._start(plan) for plan in fresh))
        problems = [sentence for sentences in told for sentence in sentences]
        log.info(
            "%s/%s reads %d devices on %d lines",
            config.project,
            config.node,
            len(config.devices),
            len(self._lines),
        )
        return problems

    async def close(self) -> None:
        """End all lines."""
        await end([running.task for running in self._lines.values()])
        self._lines.clear()

    async def _start(self, plan: LinePlan) -> list[str]:
        try:
            served = await serve(plan, self._pipeline, self._clock)
        except DriverFault as fault:
            sentence = f"{plan.address}: {fault}. Its devices are left out."
            log.error("%s", sentence)  # noqa: TRY400 - a sentence
            return [sentence]
        except Exception:
            # Supervisor: a driver's bug costs its own line only.
            log.exception("the driver of %s cannot be used", plan.address)
            return [f"{plan.address}: its driver failed, see the gateway's log."]
        name = str(plan.address)
        task = asyncio.create_task(kept(name, served.server.run), name=name)
        self._lines[plan.address] = Running(plan, served, task)
        return list(served.problems)

    async def _stop(self, address: Address) -> None:
        running = self._lines.pop(address)
        await end([running.task])
        for slug in running.served.targets:
            self._pipeline.remove(slug)


def line_plans(config: GatewayConfig) -> dict[Address, LinePlan]:
    """The devices of a configuration by their lines."""
    devices: dict[Address, list[DeviceConfig]] = {}
    for device in config.devices:
        devices.setdefault(device.address, []).append(device)
    return {
        address: LinePlan(address, config.timeout_s, tuple(found))
        for address, found in devices.items()
    }
