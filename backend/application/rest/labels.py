"""`/api/v1/meter-labels`: labels for meters, each with the QR code of its short link."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel

from backend.application.graphql.qr import drawn
from backend.application.rest.doors import ProjectDoor
from backend.application.rest.paging import After, Page, page_of
from backend.core.ids import encode_id
from backend.service.meter_list.labels import LabelRow, list_labels

router = APIRouter(tags=["meter lists"])
A_SHEET = 24
"""Labels on a sheet of A4: three columns of eight."""


class Label(BaseModel):
    """What stands on a meter's label; `qr` is an SVG path on a grid of `qr_size`."""

    meter: str
    slug: str
    name: dict[str, str]
    asset: str | None
    link: str
    qr: str
    qr_size: int


@router.get("/meter-labels")
async def labels(door: ProjectDoor, after: After = None) -> Page[Label]:
    """Answer a sheet of labels of the meters in use, by energy and level."""
    async with door.read() as tx:
        rows = await list_labels(tx, door.project.id, door.process.platform.clock.now())
    base = door.process.platform.public_url.rstrip("/")

    def label(row: LabelRow) -> Label:
        id = encode_id("mtr", row.uid)
        link = f"{base}/m/{id}"
        path, size = drawn(link)
        return Label(
            meter=id,
            slug=row.slug,
            name=row.name,
            asset=row.asset,
            link=link,
            qr=path,
            qr_size=size,
        )

    return await asyncio.to_thread(page_of, rows, lambda row: row.slug, label, A_SHEET, after)
