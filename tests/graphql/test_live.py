"""Live values by subscription over a real uvicorn: full frame first, then changes only."""

from datetime import timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from gateway.contract.quality import Quality
from tests.graphql.conftest import MakePlant, session_token
from tests.graphql.sockets import open_socket
from tests.postgres import NOW, Actor

LIVE = """subscription ($p: ID!, $keys: [String!]) {
  live(project: $p, keys: $keys) { at values { meterId key value unit quality at } } }"""


POWERS = "subscription ($p: ID!) { nodePowers(project: $p) { slug powerKw powerAt } }"


def powers_of(message: dict[str, object]) -> dict[str, tuple[float | None, str | None]]:
    """Power of each place in a frame, and the instant it stands on."""
    assert message["type"] == "next", message
    nodes = message["payload"]["data"]["nodePowers"]  # type: ignore[index]
    return {node["slug"]: (node["powerKw"], node["powerAt"]) for node in nodes}


def rows_of(message: dict[str, object]) -> list[tuple[str, float]]:
    """Key and value of each live value in a frame."""
    assert message["type"] == "next", message
    values = message["payload"]["data"]["live"]["values"]  # type: ignore[index]
    return [(value["key"], value["value"]) for value in values]


async def test_a_full_frame_at_once_then_changes_only(
    process: WebProcess, served: str, alice: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    token = await session_token(process, alice)
    async with open_socket(served, cookie=token) as socket:
        id = await socket.subscribe(LIVE, {"p": "acme", "keys": ["p"]})
        first = await socket.receive()
        assert first["id"] == id
        assert rows_of(first) == [("p", 300.0), ("p", 200.0), ("p", 80.0)]
        live = await process.live.project(alice.tenant.id)
        now_ms = int(NOW.timestamp() * 1000)
        live.take([(made.points["m1", "p"], now_ms, 210.5, 0)])
        second = await socket.receive()
        assert second["payload"] == {
            "data": {
                "live": {
                    "at": "2026-03-15T04:00:00Z",
                    "values": [
                        {
                            "meterId": made.meters["m1"].text,
                            "key": "p",
                            "value": 210.5,
                            "unit": "kW",
                            "quality": "GOOD",
                            "at": "2026-03-15T04:00:00Z",
                        }
                    ],
                }
            }
        }
        # Older than what is known: nothing to tell.
        older = int((NOW - timedelta(seconds=30)).timestamp() * 1000)
        live.take([(made.points["m1", "p"], older, 1.0, 0)])
        live.take([(made.points["m2", "p"], now_ms, 81.0, 0)])
        assert rows_of(await socket.receive()) == [("p", 81.0)]


async def test_two_clients_share_one_run(
    process: WebProcess, served: str, alice: Actor, bob: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    live = await process.live.project(alice.tenant.id)
    token = await session_token(process, alice)
    async with open_socket(served, cookie=token) as one, open_socket(served, cookie=token) as two:
        for socket in (one, two):
            await socket.subscribe(LIVE, {"p": "acme", "keys": ["p"]})
            assert len(rows_of(await socket.receive())) == 3
        live.take([(made.points["m1", "p"], int(NOW.timestamp() * 1000), 1.5, 0)])
        assert rows_of(await one.receive()) == rows_of(await two.receive()) == [("p", 1.5)]


async def test_the_power_of_every_place_as_it_comes(
    process: WebProcess, served: str, platform: Platform, alice: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    async with platform.database.project(alice.tenant.id) as tx:
        # Workshop a is fed through m1 less what m2 measures of it.
        await tx.execute(
            "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)"
            " VALUES (%s, %s, %s, -1)",
            (alice.tenant.id, made.nodes["a"].id, made.meters["m2"].id),
        )
    token = await session_token(process, alice)
    async with open_socket(served, cookie=token) as socket:
        await socket.subscribe(POWERS, {"p": "acme"})
        assert powers_of(await socket.receive()) == {
            "site": (300.0, "2026-03-15T03:59:00Z"),
            "a": (120.0, "2026-03-15T03:59:00Z"),
            "b": (80.0, "2026-03-15T03:59:00Z"),
            "grid": (300.0, "2026-03-15T03:59:00Z"),
        }
        live = await process.live.project(alice.tenant.id)
        now_ms = int(NOW.timestamp() * 1000)
        live.take([(made.points["m1", "p"], now_ms, 210.0, 0)])
        # The sum is as old as the oldest value in it.
        assert powers_of(await socket.receive())["a"] == (130.0, "2026-03-15T03:59:00Z")
        live.take([(made.points["m2", "p"], now_ms, 1.0, int(Quality.SUSPECT))])
        powers = powers_of(await socket.receive())
        assert powers["a"] == powers["b"] == (None, None)
        assert powers["site"] == (300.0, "2026-03-15T03:59:00Z")


async def test_a_stranger_is_told_not_found(
    process: WebProcess, served: str, alice: Actor, charlie: Actor, plant: MakePlant
) -> None:
    await plant(alice.tenant)
    token = await session_token(process, charlie)
    async with open_socket(served, cookie=token) as socket:
        answers = []
        for project in ("acme", "nothing"):
            id = await socket.subscribe(LIVE, {"p": project})
            message = await socket.receive()
            assert (message.pop("id"), message["type"]) == (id, "error")
            answers.append(message)
        assert answers[0] == answers[1]
        extensions = answers[0]["payload"][0]["extensions"]  # type: ignore[index]
        assert extensions["code"] == "not_found"


async def test_nobody_gets_in(served: str) -> None:
    async with open_socket(served, init=False) as socket:
        await socket.send(type="connection_init")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_session_that_ends_closes_its_socket(
    process: WebProcess, served: str, alice: Actor, plant: MakePlant
) -> None:
    await plant(alice.tenant)
    token = await session_token(process, alice)
    caller = await process.sign_in.caller(token, bearer=False)
    assert caller is not None
    async with open_socket(served, cookie=token) as socket:
        await socket.subscribe(LIVE, {"p": "acme"})
        await socket.receive()
        await process.sign_in.sign_out(caller)
        for one in list(process.sockets):
            one.recheck(caller.token_hash)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
