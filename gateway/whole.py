"""Everything that a configuration is applied to while the gateway runs."""

from gateway.config import GatewayConfig
from gateway.signals import Signals
from gateway.site import Site
from gateway.traffic import Traffic


class Whole:
    """The parts of one gateway that follow its configuration."""

    def __init__(self, site: Site, traffic: Traffic, signals: Signals) -> None:
        self._site = site
        self._traffic = traffic
        self._signals = signals

    async def apply(self, config: GatewayConfig) -> list[str]:
        """Have all parts follow a configuration; answers what nobody can serve."""
        self._traffic.apply(config)
        await self._signals.prepare(config)
        problems = await self._site.apply(config)
        await self._signals.apply(config)
        return problems
