"""`/explorer`: a page to try operations and read the schema, of our own files alone.

It is there for whoever is signed in, or brings an API key, where `KILOWISE_EXPLORER` or the
demonstration has it; everywhere else the path does not exist.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backend.application.graphql.errors import describe
from backend.application.origin import caller_of, check_origin
from backend.application.web_process import WebProcess
from backend.core.errors import KilowiseError, NotFound, NotSignedIn

FOLDER: Final = Path(__file__).parent
FILES: Final = {
    "explorer.html": "text/html",
    "explorer.css": "text/css",
    "explorer.js": "text/javascript",
}
"""What may be asked for, and what it is."""


@dataclass(frozen=True, slots=True)
class Explorer:
    """Serves the page and its two files."""

    process: WebProcess

    async def show(self, request: Request) -> Response:
        """Answer a file of the explorer; 404 where it is off, 401 to who is not signed in."""
        try:
            return await self._show(request)
        except KilowiseError as error:
            return JSONResponse({"error": describe(error)}, error.status)

    async def _show(self, request: Request) -> Response:
        name = request.path_params.get("file", "explorer.html")
        settings = self.process.platform.settings
        if not (settings.explorer or settings.demo) or name not in FILES:
            raise NotFound(kind="page")
        check_origin(self.process, request)
        if await caller_of(self.process, request) is None:
            raise NotSignedIn
        headers = {"Cache-Control": "no-cache"}
        return Response((FOLDER / name).read_bytes(), 200, headers, FILES[name])
