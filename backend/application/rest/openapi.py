"""`/api/v1/openapi.json`: the description of REST, in the language of whoever asks."""

from functools import lru_cache
from typing import Final

import orjson
from fastapi import APIRouter, FastAPI, Request, Response

from backend.application.entries import ENGLISH
from backend.application.languages import reader_of
from backend.application.rest.descriptions import described

router: Final = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def show(request: Request) -> Response:
    """Answer the OpenAPI document, made once for each language."""
    language = reader_of(request.headers.get("accept-language"), ENGLISH)
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(_document(request.app, language), 200, headers, "application/json")


@lru_cache(maxsize=2)
def _document(app: FastAPI, language: str) -> bytes:
    return orjson.dumps(described(app.openapi(), language))
