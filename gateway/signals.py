"""Local alarms made seen and heard: one actor an output holds its point at what is wanted.

Everything happens at the site, with or without a link. A write goes the way of commands: only what
the profile's whitelist allows, as an urgent job of the line, read back, tried again with pauses
while the device is silent.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Protocol

from gateway.commands import Targets, outside, same
from gateway.config import GatewayConfig
from gateway.contract.clock import Clock
from gateway.contract.profile import Point
from gateway.drivers.capabilities import DriverFault, Refused
from gateway.journal import Journal
from gateway.outputs import Button, LinkWatch, Output, PlatformLost, Sounding
from gateway.pipeline import Listener, Pipeline
from gateway.rules import Input, State, Watch
from gateway.supervision import end, kept
from gateway.targets import Target

log = logging.getLogger(__name__)

LOOK_S = 0.2
CHECK_EVERY_S = 30.0
"""How often an output that stands as wanted is read, because its device may have restarted."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
LOST = "platform_lost"
"""The cause beside the alarms, `<device>/<rule>`."""


class Link(Protocol):
    """The connection to the platform (gateway.publish.EdgeNode)."""

    @property
    def online(self) -> bool:
        """Whether there is a session with the broker."""
        ...

    @property
    def contact_s(self) -> float | None:
        """When the platform last acknowledged, on the clock's monotonic scale; None = never."""
        ...


class Actor:
    """Holds one output's point at what its causes ask."""

    def __init__(
        self,
        output: Output,
        active: Callable[[], Collection[str]],
        targets: Targets,
        clock: Clock,
    ) -> None:
        """`active` answers the causes that are active and not taken at this moment."""
        self.output = output
        self._active = active
        self._targets = targets
        self._clock = clock
        self._sounding = Sounding(output.timeout_s)
        self._held: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self._silent = False

    async def run(self) -> None:
        """Look, set, check, until cancelled."""
        due = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            on = self._sounding.wanted(self._active(), now)
            wanted = self.output.on if on else self.output.off
            changed = self._held is not None and wanted != self._held
            if changed or now >= due:
                due = await self._hold(wanted)
            await self._clock.sleep(LOOK_S)

    async def release(self) -> None:
        """Set the output off, once: nothing holds it from now on."""
        await self._hold(self.output.off)

    async def _hold(self, value: float) -> float:
        """Set and remember; answers when to look at the device again."""
        try:
            await self._set(value)
        except DriverFault as fault:
            if not self._silent:
                self._silent = True
                log.warning(
                    "the output %s (%s/%s) cannot be set: %s. It is tried again with pauses.",
                    self.output.name,
                    self.output.device,
                    self.output.point,
                    fault,
                )
            self._held = None
            pause, self._pause_s = self._pause_s, min(self._pause_s * 2, LONGEST_PAUSE_S)
            return self._clock.monotonic() + pause
        if self._held != value:
            log.info("the output %s stands at %g", self.output.name, value)
        self._held, self._silent, self._pause_s = value, False, FIRST_PAUSE_S
        return self._clock.monotonic() + CHECK_EVERY_S

    async def _set(self, value: float) -> None:
        target = self._targets.target(self.output.device)
        if target is None:
            raise Refused(f"{self.output.device} is not read", 0)
        point = target.profile.point(self.output.point)
        if outside(point, value) is not None or not target.can_write:
            raise Refused(f"{point.name} may not be set to {value:g}", 0)
        await target.urgent(lambda: _write(target, point, value))


class Signals:
    """All outputs of one gateway; `prepare` and `apply` with each configuration, then `run`."""

    def __init__(
        self, pipeline: Pipeline, targets: Targets, link: Link, journal: Journal, clock: Clock
    ) -> None:
        self._pipeline = pipeline
        self._targets = targets
        self._link = link
        self._journal = journal
        self._clock = clock
        self._actors: list[Actor] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._causes: dict[str, list[tuple[str, str]]] = {}
        """Output -> (device, rule) of its alarms."""
        self._lost: PlatformLost | None = None
        self._watch: LinkWatch | None = None
        self._contact_s: float | None = None

    async def prepare(self, config: GatewayConfig) -> None:
        """End what a configuration no longer has, while its devices can still be reached."""
        kept_names = {output.name for output in config.outputs}
        for actor in self._actors:
            if actor.output not in config.outputs and actor.output.name not in kept_names:
                await actor.release()

    async def apply(self, config: GatewayConfig) -> None:
        """Drive the outputs of a configuration whose devices are served now."""
        self._follow(config)
        if [actor.output for actor in self._actors] == list(config.outputs):
            return
        await self.close()
        self._actors = [
            Actor(output, lambda name=output.name: self.active(name), self._targets, self._clock)  # type: ignore[misc]
            for output in config.outputs
        ]
        self._tasks = [
            asyncio.create_task(kept(actor.output.name, actor.run), name=actor.output.name)
            for actor in self._actors
        ]

    def active(self, output: str) -> list[str]:
        """The causes of an output that are active and not taken."""
        found = []
        for device, rule in self._causes.get(output, ()):
            watch = self._pipeline.watch(device, rule)
            if watch is not None and watch.state is State.ACTIVE:
                found.append(f"{device}/{rule}")
        if self._lost is not None and self._lost.output == output and self._watch is not None:
            found += [LOST] if self._watch.state is State.ACTIVE else []
        return found

    async def run(self) -> None:
        """Watch the link, until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_S)

    def look(self) -> None:
        """Judge the link: in reach is who acknowledges, or has nothing to acknowledge."""
        contact, before = self._link.contact_s, self._contact_s
        self._contact_s = contact
        if self._watch is not None:
            idle = self._link.online and self._journal.standing.records == 0
            self._watch.see(self._clock.monotonic(), good=contact != before or idle)

    async def close(self) -> None:
        """Leave the outputs as they stand."""
        await end(self._tasks)
        self._tasks, self._actors = [], []

    def _follow(self, config: GatewayConfig) -> None:
        """Who causes what, and which inputs acknowledge it."""
        self._causes = {}
        listeners: dict[str, list[tuple[str, Listener]]] = {}
        for device in config.devices:
            for rule in device.reporting.rules:
                self._causes.setdefault(rule.output, []).append((device.slug, rule.name))
                if rule.acknowledge is not None:
                    slug = rule.acknowledge.device or device.slug
                    take = _taking(self._pipeline, device.slug, rule.name)
                    listeners.setdefault(slug, []).append(_listener(rule.acknowledge, take))
        lost = config.platform_lost
        if lost != self._lost:
            self._lost = lost
            now = self._clock.monotonic()
            self._watch = None if lost is None else LinkWatch(lost.after_s, now)
        if lost is not None and lost.acknowledge is not None and self._watch is not None:
            press, watch = lost.acknowledge, self._watch
            listeners.setdefault(press.device, []).append(_listener(press, watch.take))
        self._pipeline.listen(listeners)


async def _write(target: Target, point: Point, value: float) -> None:
    """On the line: look, write when it differs, read back."""
    ratios = await target.ratios()
    if same(point, ratios, await target.value(point), value):
        return
    await target.write(point, value)
    read = await target.value(point)
    if read is not None and not same(point, ratios, read, value):
        raise Refused(f"{point.name} still reads {read:g} after {value:g} was written", 0)


def _taking(pipeline: Pipeline, device: str, rule: str) -> Callable[[], bool]:
    def take() -> bool:
        watch: Watch | None = pipeline.watch(device, rule)
        return watch is not None and watch.take()

    return take


def _listener(press: Input, take: Callable[[], bool]) -> tuple[str, Listener]:
    button = Button(press.value)

    def listen(value: float | None) -> None:
        if button.see(value) and take():
            log.info("acknowledged at the site by %s", press.point)

    return press.point, listen
