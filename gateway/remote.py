"""What hosts may ask of this gateway, taken from the wire: set-points by our own command or by a
plain Sparkplug DCMD, configuration documents, support under a grant, updates of the software.
"""

import logging
import math
import secrets
from collections.abc import Callable
from typing import Protocol

from gateway.commands import Commands
from gateway.configuration import Configuration
from gateway.contract import topics
from gateway.contract.commands import Command, decode_command
from gateway.contract.configuration import decode_document
from gateway.contract.sparkplug import Datatype, Metric, Payload
from gateway.contract.support import decode_ask, decode_grant
from gateway.contract.update import decode_update
from gateway.standing import Standing
from gateway.support import Support
from gateway.update.asked import Updates

log = logging.getLogger(__name__)

PLAIN_ACTOR = "sparkplug"
"""Who asks by a plain DCMD: the wire does not say."""
PLAIN_WITHIN_MS = 10_000
"""A plain DCMD that has not been carried out by then is dropped as late."""


class Meanings(Protocol):
    """Who knows what a host's metric means."""

    def meant(self, slug: str, metric: Metric) -> tuple[str, float] | None:
        """Point and value, by name or alias; None for what is no number."""
        ...


class Remote:
    """Hands what is heard to whoever carries it out."""

    def __init__(
        self,
        commands: Commands,
        configuration: Configuration,
        standing: Standing,
        support: Support,
        updates: Updates,
        meanings: Meanings,
        now_ms: Callable[[], int],
    ) -> None:
        """`now_ms` answers the platform's time, UTC milliseconds."""
        self._commands = commands
        self._meanings = meanings
        self._now_ms = now_ms
        self._configuration = configuration
        self._standing = standing
        self._handlers: dict[str, Callable[[str], None]] = {
            topics.EXT_COMMAND: self._ordered,
            topics.EXT_CONFIG: self._configured,
            topics.EXT_GRANT: lambda text: support.grant(decode_grant(text)),
            topics.EXT_ASK: lambda text: support.ask(decode_ask(text)),
            topics.EXT_UPDATE: lambda text: updates.offer(decode_update(text)),
        }

    def heard(self, place: topics.NodeTopic, payload: Payload) -> None:
        """Take the metrics of an NCMD or DCMD; ValueError when one of ours cannot be read."""
        for metric in payload.metrics:
            handler = self._handlers.get(metric.name or "")
            if handler is not None and isinstance(metric.value, str):
                handler(metric.value)
            elif place.device is not None:
                self._plain(place.device, metric)

    def declared(self, now_ms: int) -> tuple[Metric, ...]:
        """What the NBIRTH names because it may come."""
        current = self._configuration.current
        version = 0 if current is None else current.version
        digest = None if current is None else current.hash
        texts = {
            topics.EXT_COMMAND_RESULT: None,
            topics.EXT_CONFIG_RESULT: None,
            topics.EXT_ASK_RESULT: None,
            topics.EXT_UPDATE_RESULT: None,
            topics.EXT_CONFIG_HASH: digest,
        }
        return (
            *self._standing.declared(now_ms),
            Metric(topics.EXT_CONFIG_VERSION, None, Datatype.INT64, version, now_ms),
            *(
                Metric(name, None, Datatype.STRING, text, now_ms, is_null=text is None)
                for name, text in texts.items()
            ),
        )

    def news(self, now_ms: int) -> tuple[Metric, ...]:
        """How the gateway's lines and journal do, when that is news."""
        return self._standing.news(now_ms)

    def _ordered(self, text: str) -> None:
        self._commands.offer(decode_command(text))

    def _configured(self, text: str) -> None:
        self._configuration.offer(decode_document(text))

    def _plain(self, device: str, metric: Metric) -> None:
        meant = self._meanings.meant(device, metric)
        if meant is None or not math.isfinite(meant[1]):
            log.warning("a DCMD for %s names no point with a number: left alone.", device)
            return
        point, value = meant
        number = f"dcmd-{secrets.token_hex(8)}"
        not_after_ms = self._now_ms() + PLAIN_WITHIN_MS
        self._commands.offer(Command(number, device, point[:200], value, not_after_ms, PLAIN_ACTOR))
