"""`/api/v1/health`: that the interface answers, and which version it is."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["system"])


class HealthAnswer(BaseModel):
    """That the interface answers."""

    alive: bool
    version: str


@router.get("/health")
async def health() -> HealthAnswer:
    """Answer that the interface is there; `/readyz` tells whether live values flow."""
    return HealthAnswer(alive=True, version=_version())


def _version() -> str:
    try:
        return version("kilowise")
    except PackageNotFoundError:
        return "source"
