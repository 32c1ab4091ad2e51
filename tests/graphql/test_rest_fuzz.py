"""Whatever the description of REST allows is sent to the running app: nothing ends as a 5xx.

schemathesis makes the requests from `openapi.json`, with fixed seeds; half of the identities are of
things that are there. An administrator and a member limited to a workshop send the same, one after
the other.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx
import pytest
import schemathesis
from hypothesis.strategies import SearchStrategy
from schemathesis.core.result import Ok

from backend.application.rest.app import build_rest
from backend.application.web_process import WebProcess
from tests.graphql.conftest import session_token
from tests.graphql.fuzzed import Fuzzed, drawn, fuzzed

__all__ = ["fuzzed"]

FEW, MANY = 4, 100
"""Requests of one operation by one person; many with `--long`."""
LEFT_OUT = {"POST /session", "DELETE /session"}
"""Signing in (a password takes a quarter of a second on purpose) and out."""
PLACES = {name: name for name in ("node", "meter", "gateway", "restatement", "command", "group")}
"""Names of the scene by parameters of paths; `id` is what stands before it."""
IDS = {"alarms": "alarm", "commands": "command", "imports": "file", "import": "job",
       "meter-lists": "list"}  # fmt: skip
WORDS = {"vendor": "test", "model": "valve", "version": "1"}


@dataclass(frozen=True, slots=True)
class Case:
    """One request that schemathesis made."""

    method: str
    path: str
    places: dict[str, object]
    query: dict[str, object]
    body: object


class Sender:
    """Sends cases as one person and notes every answer of 500 and above."""

    def __init__(self, url: str, token: str, names: Mapping[str, str]) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
        )
        self._names = names
        self.sent = 0
        self.close = self._http.close
        self.statuses: set[int] = set()
        self.broken: list[str] = []

    def send(self, case: Case) -> None:
        """Send one case, in Alice's project; every second one about things that are there."""
        self.sent += 1
        query = {**case.query, **({"project": "acme"} if "project" in case.query else {})}
        path = case.path
        for name, value in case.places.items():
            there = self._there(path, name) if self.sent % 2 else None
            path = path.replace(f"{{{name}}}", there or quote(str(value), safe=""))
        body = case.body if isinstance(case.body, dict | list | str | int | float | None) else None
        told = urlencode(query, doseq=True)
        answer = self._http.request(case.method, f"/api/v1{path}?{told}", json=body)
        self.statuses.add(answer.status_code)
        if answer.status_code >= 500:
            self.broken.append(f"{case.method} {path} {query} {body}: {answer.text[:200]}")
        if answer.is_client_error and answer.status_code != 400:
            assert answer.headers["content-type"] == "application/problem+json", answer.url

    def _there(self, path: str, name: str) -> str | None:
        wanted = IDS.get(path.split("/")[1]) if name == "id" else PLACES.get(name)
        return WORDS.get(name) if wanted is None else self._names[wanted]


def operations() -> Iterator[SearchStrategy[Case]]:
    """Requests of every operation of the description but those left out."""
    schema = schemathesis.openapi.from_dict(build_rest(None).openapi())
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if f"{operation.method.upper()} {operation.path}" not in LEFT_OUT:
            yield operation.as_strategy().map(
                lambda case: Case(
                    case.method,
                    case.operation.path,
                    dict(case.path_parameters or {}),
                    dict(case.query or {}),
                    case.body,
                )
            )


def fuzz(senders: Sequence[Sender], examples: int) -> None:
    """Send that many cases of each operation, each of them as everybody: making them takes long."""
    for cases in operations():
        for case in drawn(cases, examples):
            for sender in senders:
                sender.send(case)


@pytest.mark.long
async def test_nothing_that_is_sent_ends_as_a_server_error(
    process: WebProcess,
    served: str,
    fuzzed: Fuzzed,
    pytestconfig: pytest.Config,
) -> None:
    examples = MANY if pytestconfig.getoption("--long") else FEW
    senders = [
        Sender(
            f"http://{served}",
            await session_token(process, person, bearer=True),
            fuzzed.scene.names,
        )
        for person in fuzzed.people
    ]
    try:
        await asyncio.to_thread(fuzz, senders, examples)
    finally:
        for sender in senders:
            sender.close()
    for sender in senders:
        assert sender.broken == []
        assert sender.sent > 200
        assert {200, 404, 422} <= sender.statuses
