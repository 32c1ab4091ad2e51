"""Webhooks over GraphQL: made, delivered with what went wrong, changed, replayed, ended."""

from dataclasses import dataclass

import psycopg

from backend.core.ids import new_uuid
from backend.service.webhooks.sending import MAX_TRIES
from tests.graphql.conftest import Ask, code
from tests.graphql.test_webhooks import Desk, desk
from tests.postgres import NOW

MAKE = "mutation($to: WebhookInput!) { makeWebhook(input: $to) { signingKey webhook { id } } }"
LIST = """{ project(id: "acme") { webhookHosts webhooks {
    id url kinds pending dead error createdBy { login } } } }"""
TOLD = """query($id: ID!) { project(id: "acme") { webhookDeliveries(webhook: $id) {
    id kind ref state tries nextAt status error sentAt } } }"""
CHANGE = """mutation($id: ID!, $to: WebhookInput!) {
    changeWebhook(id: $id, input: $to) { id url kinds } }"""
ROTATE = """mutation($id: ID!) {
    rotateWebhookKey(project: "acme", id: $id) { signingKey webhook { id } } }"""
REPLAY = """mutation($id: ID!, $one: ID) {
    replayWebhook(project: "acme", id: $id, delivery: $one) }"""
END = 'mutation($id: ID!) { endWebhook(project: "acme", id: $id) }'

__all__ = ["desk"]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whoever may make webhooks, asking GraphQL."""

    desk: Desk
    ask: Ask

    async def done(self, text: str, **given: object) -> object:
        """What one mutation answers."""
        answer = await self.ask(self.desk.opened, text, given)
        data = answer.get("data")
        assert isinstance(data, dict), answer
        [told] = data.values()
        return told

    async def refused(self, text: str, **given: object) -> str:
        """Why one is refused."""
        return code(await self.ask(self.desk.opened, text, given))

    async def keyed(self, text: str, **given: object) -> tuple[str, str]:
        """A webhook and its key, shown this once."""
        made = await self.done(text, **given)
        assert isinstance(made, dict)
        return made["webhook"]["id"], made["signingKey"]

    async def rows(self, field: str, text: str, **given: object) -> list[dict[str, object]]:
        """A list of the project."""
        project = await self.done(text, **given)
        assert isinstance(project, dict)
        found: list[dict[str, object]] = project[field]
        return found


async def test_a_webhook_from_its_making_to_its_end(
    desk: Desk, ask: Ask, admin: psycopg.Connection
) -> None:
    boss = Asking(desk, ask)
    to: dict[str, object] = {
        "project": "acme", "url": f"http://{desk.there.host}/hook", "kinds": ["ALARM", "MODEL"],
    }  # fmt: skip
    hook, key = await boss.keyed(MAKE, to=to)
    await desk.happens("model", "site")
    desk.there.answers[:] = [500, *[503] * (MAX_TRIES - 1)]
    await desk.deliver()
    assert desk.there.signed_with(key)
    project = await boss.done(LIST)
    assert isinstance(project, dict)
    assert project["webhookHosts"] == [desk.there.host]
    assert project["webhooks"] == [
        {
            "id": hook, "url": to["url"], "kinds": to["kinds"], "pending": 1, "dead": 0,
            "error": "it answered 500", "createdBy": {"login": "boss"},
        }
    ]  # fmt: skip
    for _ in range(MAX_TRIES - 1):
        await desk.clock.advance(3600)
        await desk.deliver()
    [one] = await boss.rows("webhookDeliveries", TOLD, id=hook)
    sent = one.pop("id")
    assert one == {
        "kind": "MODEL", "ref": "site", "state": "DEAD", "tries": MAX_TRIES, "nextAt": None,
        "status": 503, "error": "it answered 503", "sentAt": None,
    }  # fmt: skip

    _, new = await boss.keyed(ROTATE, id=hook)
    assert await boss.done(REPLAY, id=hook) == 1
    assert await boss.refused(REPLAY, id=hook, one=sent) == "webhook_nothing"
    await desk.deliver()
    assert desk.there.signed_with(new)
    [one] = await boss.rows("webhookDeliveries", TOLD, id=hook)
    assert (one["id"], one["state"], one["error"]) == (sent, "SENT", None)
    assert await boss.done(REPLAY, id=hook, one=sent) == 1

    elsewhere = {**to, "url": f"http://{desk.there.host}/other", "kinds": ["ALARM"]}
    changed = await boss.done(CHANGE, id=hook, to=elsewhere)
    assert changed == {"id": hook, "url": elsewhere["url"], "kinds": ["ALARM"]}
    await desk.happens("model", "site")
    await desk.happens("alarm", str(new_uuid(NOW)))
    assert await desk.deliver() == 2
    assert await boss.refused(CHANGE, id=hook, to={**to, "kinds": []}) == "webhook_kinds"
    nowhere = {**to, "url": "https://x.example"}
    assert await boss.refused(CHANGE, id=hook, to=nowhere) == "webhook_host"
    assert await boss.done(END, id=hook) is True
    assert await boss.refused(TOLD, id=hook) == "not_found"
    done = admin.execute(
        "SELECT action, old::jsonb ->> 'url', new::jsonb ->> 'url' FROM audit"
        " WHERE action LIKE 'webhook.%' ORDER BY number"
    ).fetchall()
    assert done == [
        ("webhook.make", None, to["url"]),
        ("webhook.rotate", None, to["url"]),
        ("webhook.replay", None, to["url"]),
        ("webhook.replay", None, to["url"]),
        ("webhook.change", to["url"], elsewhere["url"]),
        ("webhook.end", None, elsewhere["url"]),
    ]


async def test_rest_changes_a_webhook_too(desk: Desk) -> None:
    made = await desk.make("alarm")
    at = f"/api/v1/webhooks/{made['id']}?project=acme"
    to = {"url": f"http://{desk.there.host}/other", "kinds": ["model", "alarm"]}
    answer = (await desk.opened.put(at, json=to)).json()
    assert (answer["url"], answer["kinds"]) == (to["url"], ["alarm", "model"])
    assert "signing_key" not in answer
