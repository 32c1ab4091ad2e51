"""Limits of operations, and how errors are told."""

import hashlib

import orjson
import pytest

from backend.application.graphql import model
from backend.application.graphql.execution import Engine
from backend.application.graphql.limits import MAX_ALIASES, MAX_DEPTH
from backend.application.graphql.persisted import read_texts
from backend.application.graphql.schema import build_schema
from backend.application.web_process import WebProcess
from tests.graphql.conftest import Ask, Client
from tests.postgres import Actor


def codes(answer: dict[str, object]) -> list[str]:
    """Codes of the errors in an answer."""
    errors = answer["errors"]
    assert isinstance(errors, list)
    return [error["extensions"]["code"] for error in errors]


async def test_depth_aliases_tokens_and_length(client: Client, ask: Ask) -> None:
    opened = await client()
    assert "errors" not in await ask(opened, "{ viewer { demo } }")
    nested = "{ a }"
    for _ in range(MAX_DEPTH + 1):
        nested = f"{{ viewer {nested} }}"
    assert "graphql_too_deep" in codes(await ask(opened, nested))
    fragments = "".join(
        f"fragment f{n} on Project {{ ...f{n + 1} ...f{n + 1} }} " for n in range(60)
    )
    many = '{ project(id: "x") { ...f0 } } ' + fragments + "fragment f60 on Project { id }"
    assert "errors" not in await ask(opened, many)
    aliases = " ".join(f"a{n}: now" for n in range(MAX_ALIASES + 1))
    assert codes(await ask(opened, f"{{ {aliases} }}")) == ["graphql_aliases"]
    assert "errors" not in await ask(opened, f"{{ {aliases.rpartition(' a')[0]} }}")
    assert codes(await ask(opened, "{ now " * 2000)) == ["graphql_invalid"]
    assert codes(await ask(opened, "{ now #" + "x" * 20_000)) == ["graphql_too_long"]


async def test_a_known_operation_is_validated_once(client: Client, ask: Ask) -> None:
    opened = await client()
    for _ in range(3):
        assert await ask(opened, "{ nothing }") == {
            "errors": [
                {
                    "message": "Cannot query field 'nothing' on type 'Query'.",
                    "locations": [{"line": 1, "column": 3}],
                    "extensions": {"code": "graphql_invalid"},
                }
            ],
            "data": None,
        }


async def test_expected_errors_carry_code_and_next_step(client: Client, ask: Ask) -> None:
    answer = await ask(await client(), 'mutation { testPush(project: "acme") }')
    assert answer["errors"] == [
        {
            "path": ["testPush"],
            "message": "not_signed_in",
            "extensions": {
                "code": "not_signed_in",
                "params": {},
                "text": "errors.not_signed_in",
                "next": "errors.not_signed_in.next",
            },
        }
    ]


async def test_a_bug_is_masked_and_logged_once(
    client: Client,
    ask: Ask,
    alice: Actor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr(model, "read_factors", broken)
    answer = await ask(await client(alice), '{ project(id: "acme") { factors { value } } }')
    assert codes(answer) == ["internal"]
    assert "secret" not in str(answer)
    reference = answer["errors"][0]["extensions"]["params"]["reference"]  # type: ignore[index]
    assert [record.message for record in caplog.records if "bug" in record.message] == [
        f"bug {reference} at ['project', 'factors']"
    ]


async def test_requests_that_are_no_graphql(client: Client) -> None:
    opened = await client()

    async def post(content: bytes, kind: str = "application/json") -> tuple[int, str]:
        answer = await opened.post("/graphql", content=content, headers={"Content-Type": kind})
        return answer.status_code, orjson.loads(answer.content)["errors"][0]["message"]

    assert await post(b"{}", "text/plain") == (422, "graphql_request")
    assert await post(b"nonsense") == (422, "graphql_request")
    assert await post(b"{}") == (422, "graphql_request")
    assert await post(b'{"query":"' + b"x" * 200_000 + b'"}') == (422, "body_too_large")
    assert await post(b'{"query":"subscription { live(project: \\"x\\") { at } }"}') == (
        400,
        "Subscriptions are served by websocket only",
    )
    unknown = b'{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"abc"}}}'
    assert await post(unknown) == (422, "persisted_query_not_found")
    assert (await opened.get("/graphql")).status_code == 422


async def test_answers_are_compressed_when_asked(client: Client) -> None:
    opened = await client()
    query = {"query": "{ __schema { types { name fields { name } } } }"}
    plain = await opened.post("/graphql", json=query, headers={"Accept-Encoding": "identity"})
    packed = await opened.post("/graphql", json=query, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content


async def test_every_operation_of_the_app_is_kept_and_valid(
    client: Client, process: WebProcess
) -> None:
    kept = read_texts()
    assert kept.keys() == {hashlib.sha256(text.encode()).hexdigest() for text in kept.values()}
    engine = Engine(build_schema())
    wrong = {
        text: prepared.errors
        for text in kept.values()
        if (prepared := engine.documents.prepare(text)).errors
    }
    assert wrong == {}
    text = next(text for text in kept.values() if text.startswith("query Now "))
    digest = hashlib.sha256(text.encode()).hexdigest()
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}
    answer = await (await client()).post("/graphql", json=body)
    assert answer.json() == {"data": {"now": "2026-03-15T04:00:00Z"}}
