"""Labels of meters: a sheet of 24 a page, each with the code of its short link."""

from backend.application.graphql.qr import drawn
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Client
from tests.graphql.plants import make_plant
from tests.postgres import NOW, Actor

AT = "/api/v1/meter-labels?project=acme"


async def test_labels_come_by_sheets(platform: Platform, client: Client, alice: Actor) -> None:
    made = await make_plant(platform, alice.tenant)
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "UPDATE meter SET asset = 'A-7' WHERE project_id = %s AND slug = 'm0'",
            (alice.tenant.id,),
        )
        # Computed meters hang nowhere, ended ones no longer.
        await tx.execute_many(
            "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, valid_to)"
            " VALUES (%s, %s, %s, '{}', 'electricity', 3, %s, %s)",
            [
                (alice.tenant.id, new_uuid(NOW), f"x{number:02}", source, end)
                for number, (source, end) in enumerate(
                    [*[("manual", None)] * 22, ("virtual", None), ("manual", NOW)]
                )
            ],
        )
    opened = await client(alice)
    first = (await opened.get(AT)).json()
    assert len(first["items"]) == 24
    meter = made.meters["m0"].text
    link = f"http://127.0.0.1:8000/m/{meter}"
    path, size = drawn(link)
    assert first["items"][0] == {
        "meter": meter,
        "slug": "m0",
        "name": {"en": "Meter m0"},
        "asset": "A-7",
        "link": link,
        "qr": path,
        "qr_size": size,
    }
    # The finder pattern in the upper left corner, row by row (ISO/IEC 18004, 6.3.3).
    assert path.startswith("".join(f"M{x} 0h1v1h-1z" for x in range(7)))
    second = (await opened.get(f"{AT}&after={first['next']}")).json()
    assert [one["slug"] for one in second["items"]] == ["x21"]
    assert second["next"] is None
    for after in ("nonsense", first["next"][:-4], "bnVsbA"):
        response = await opened.get(f"{AT}&after={after}")
        assert (response.status_code, response.json()["code"]) == (422, "cursor")
