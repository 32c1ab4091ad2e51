"""The app's files: compressed forms negotiated, hashed ones kept for ever, the rest revalidated.

Only a navigation falls back to `index.html`; a missing script, picture or interface is 404, so that
a stale page notices instead of running HTML as code.
"""

import base64
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

FOLDER = Path(__file__).with_name("static")
INDEX = "index.html"
IMMUTABLE = "/_app/immutable/"
NO_FALLBACK = ("/_app", "/api", "/graphql")
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""In the order of our choice."""
TYPES = {
    ".webmanifest": "application/manifest+json",
    ".js": "text/javascript",
    ".woff2": "font/woff2",
}
_INLINE = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)

NOT_BUILT = (
    "The app is not built in this installation. Run `make run`, or build it with "
    "`scripts/npm run build`. GraphQL and REST are served.\n"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file in all its forms."""

    path: str
    content: Mapping[str, bytes]
    """Encoding ("" = as it is) -> bytes."""
    media_type: str
    tag: str

    @property
    def cache_control(self) -> str:
        """Hashed names never change their content; all others are asked for again."""
        if self.path.startswith(IMMUTABLE):
            return "public, max-age=31536000, immutable"
        return "no-cache"


class StaticFiles:
    """Serves the built app from memory."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the folder; empty when the app is not built."""
        self.assets = {asset.path: asset for asset in _read(folder)}

    @property
    def index(self) -> Asset | None:
        """The page that every navigation starts from."""
        return self.assets.get(f"/{INDEX}")

    def script_hashes(self) -> list[str]:
        """Answer the CSP sources of the page's inline scripts (CSP Level 3, 2.3.1)."""
        if self.index is None:
            return []
        found = _INLINE.findall(self.index.content[""])
        digests = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in found)
        return [f"'sha256-{digest}'" for digest in digests]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._answer(Request(scope, receive))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        path = request.url.path
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("Method not allowed\n", 405, {"Allow": "GET, HEAD"})
        asset = self.assets.get(path)
        if asset is None and is_navigation(path, request.headers):
            asset = self.index
            if asset is None:
                return PlainTextResponse(NOT_BUILT, 503)
        if asset is None:
            return PlainTextResponse("Not found\n", 404, {"Cache-Control": "no-store"})
        return _negotiated(asset, request)


def is_navigation(path: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a browser goes to a page, so that the app may answer any address.

    The root is the page whoever asks: the service worker fetches it to store it.
    """
    if path == "/":
        return True
    if any(path == root or path.startswith(f"{root}/") for root in NO_FALLBACK):
        return False
    if PurePosixPath(path).suffix:
        return False
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" or (mode is None and "text/html" in headers.get("accept", ""))


def accepted(header: str) -> set[str]:
    """Answer the encodings a client accepts (RFC 9110, 12.5.3): named, and not with q=0."""
    found = set()
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        weight = parameters.replace(" ", "").removeprefix("q=")
        if (name.strip() and weight.strip("0.") != "") or (name.strip() and not parameters):
            found.add(name.strip())
    return found


def _negotiated(asset: Asset, request: Request) -> Response:
    wanted = accepted(request.headers.get("accept-encoding", ""))
    encoding = next((name for name in ENCODINGS if name in wanted and name in asset.content), "")
    tag = f'"{asset.tag}{"-" if encoding else ""}{encoding}"'
    headers = {"Cache-Control": asset.cache_control, "ETag": tag, "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(asset.content[encoding], 200, headers, asset.media_type)


def _read(folder: Path) -> list[Asset]:
    files = {path for path in folder.rglob("*") if path.is_file()}
    compressed = {
        path
        for path in files
        if path.suffix in ENCODINGS.values() and path.with_suffix("") in files
    }
    return [_asset(folder, path) for path in sorted(files - compressed)]


def _asset(folder: Path, path: Path) -> Asset:
    content = {"": path.read_bytes()}
    for encoding, suffix in ENCODINGS.items():
        sibling = path.with_name(path.name + suffix)
        if sibling.is_file():
            content[encoding] = sibling.read_bytes()
    guessed = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return Asset(
        path=f"/{path.relative_to(folder).as_posix()}",
        content=content,
        media_type=guessed or "application/octet-stream",
        tag=hashlib.sha256(content[""]).hexdigest()[:20],
    )
