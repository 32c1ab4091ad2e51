"""Whoever is refused is counted and stands in the log, with who, what and from where."""

import logging

import pytest
from prometheus_client import REGISTRY

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.postgres import Actor


def refused(code: str) -> float:
    """How often access was refused by a code."""
    return REGISTRY.get_sample_value("kilowise_refused_total", {"code": code}) or 0.0


async def test_refusals_are_logged_and_counted(
    platform: Platform, client: Client, ask: Ask, bob: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backend.application.refusals")
    await make_plant(platform, bob.tenant)
    opened = await client(bob)
    before = refused("not_allowed")
    await ask(opened, '{ project(id: "acme") { audit { ref } } }')
    await opened.post("/api/v1/import?project=acme", content=b"")
    assert refused("not_allowed") == before + 2
    where = f"not_allowed, by {bob.text} from 127.0.0.1"
    assert caplog.messages == [
        f"Refused POST /graphql: {where}",
        f"Refused POST /api/v1/import: {where}",
    ]
    before = refused("not_signed_in")
    stranger = await client()
    await stranger.get("/api/v1/restatements?project=acme&token=secret")
    assert refused("not_signed_in") == before + 1
    assert caplog.messages[-1] == (
        "Refused GET /api/v1/restatements: not_signed_in, by nobody from 127.0.0.1"
    )
    assert "secret" not in caplog.text


async def test_what_is_told_as_not_found_is_noted(
    client: Client, ask: Ask, bob: Actor, stranger: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backend.application.refusals")
    opened = await client(stranger)
    assert await ask(opened, '{ project(id: "acme") { id } }') == {"data": {"project": None}}
    assert (await opened.get("/api/v1/restatements?project=acme")).status_code == 404
    where = f"not_found, by {stranger.text} from 127.0.0.1"
    assert caplog.messages == [
        f"Refused POST /graphql: {where}",
        f"Refused GET /api/v1/restatements: {where}",
    ]


async def test_a_parameter_sent_twice_counts_once(
    platform: Platform, client: Client, bob: Actor, stranger: Actor
) -> None:
    """The last of both, for the right and for the data alike."""
    await make_plant(platform, bob.tenant)
    await make_plant(platform, stranger.tenant)
    opened = await client(bob)
    for first, last, status in (("other", "acme", 200), ("acme", "other", 404)):
        path = f"/api/v1/restatements?project={first}&project={last}"
        assert (await opened.get(path)).status_code == status
