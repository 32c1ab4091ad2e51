"""Whether the process is alive, whether it is ready to be sent people, and its counters."""

from dataclasses import dataclass

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from backend.application.web_process import WebProcess
from backend.core.errors import KilowiseError


@dataclass(frozen=True, slots=True)
class Health:
    """The three answers for machines."""

    process: WebProcess

    async def alive(self, _request: Request) -> Response:
        """Answer 200 as long as the event loop turns."""
        return _json({"alive": True}, 200)

    async def ready(self, _request: Request) -> Response:
        """Answer 200 once live values flow and the wall between tenants stands; else why not."""
        reasons = await self.reasons()
        if reasons:
            return _json({"ready": False, "reasons": reasons}, 503)
        return _json({"ready": True}, 200)

    async def reasons(self) -> list[str]:
        """Answer what keeps this process from being ready, as codes of the catalogue."""
        reasons = []
        try:
            if await self._passes_the_wall():
                reasons.append("role_bypasses_wall")
        except KilowiseError as error:
            reasons.append(error.error_code)
        if not self.process.live.flowing:
            reasons.append("no_live_values")
        return reasons

    async def metrics(self, _request: Request) -> Response:
        """Answer the process's counters for Prometheus; no tenant's figures are among them."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def _passes_the_wall(self) -> bool:
        """Tell whether row-level security does not hold our own role."""
        async with self.process.platform.database.platform_read() as tx:
            return bool(
                await tx.fetch_value(
                    "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
                    into=bool,
                )
            )


def _json(body: object, status: int) -> Response:
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")
