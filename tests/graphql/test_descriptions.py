"""Every element of GraphQL and REST is described in both languages, and told in the reader's."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from backend.application.entries import ENGLISH, Entries, Entry, entry_of, read_entries
from backend.application.graphql import descriptions as of_graphql
from backend.application.graphql.descriptions import Described
from backend.application.graphql.schema import build_schema, core_schema
from backend.application.languages import reader_of
from backend.application.rest import descriptions as of_rest
from backend.application.rest.app import build_rest
from tests.graphql.conftest import Client
from tests.postgres import Actor

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Interface:
    """What is described: the English of the code by coordinate, and the entries beside it."""

    coded: Mapping[str, str | None]
    entries: Entries
    common_key: Callable[[str], str]
    folder: str

    def said(self) -> Mapping[str, Entry]:
        """What is said of each element, by language."""
        return {key: self._said(key, coded) for key, coded in self.coded.items()}

    def _said(self, key: str, coded: str | None) -> Entry:
        return entry_of(self.entries, key, self.common_key(key), coded)


def graphql() -> Interface:
    """The schema."""
    elements = of_graphql.elements(core_schema(build_schema()))
    described = (cast("Described", one.description) for _, one in elements)
    coded = {one.coordinate: one.coded for one in described}
    return Interface(coded, of_graphql.catalogue(), of_graphql.common_key, "graphql")


def rest() -> Interface:
    """The OpenAPI document."""
    parts = of_rest.parts(build_rest(None).openapi())
    coded = {key: cast("str | None", one.get("description")) for key, one in parts}
    return Interface(coded, of_rest.catalogue(), of_rest.common_key, "rest")


@pytest.fixture(scope="module", params=[graphql, rest])
def interface(request: pytest.FixtureRequest) -> Interface:
    """Each of our interfaces."""
    make: Callable[[], Interface] = request.param
    return make()


def last_name(coordinate: str) -> str:
    """The element's own name."""
    return re.split(r"[.( ]", coordinate.removesuffix(":)"))[-1]


def letters(text: str) -> str:
    """The text without what is between its words."""
    return re.sub(r"[\W_]", "", text).lower()


def test_every_element_is_described_in_both_languages(interface: Interface) -> None:
    where = f"add en and zh-CN to backend/application/{interface.folder}/descriptions"
    said = interface.said()
    assert len(said) > 500
    assert not [key for key, one in said.items() if not one.get(ENGLISH, "").strip()], where
    assert not [key for key, one in said.items() if not CHINESE.search(one.get("zh-CN", ""))], where


def test_no_text_only_repeats_the_name(interface: Interface) -> None:
    said = interface.said()
    assert not [
        key for key, one in said.items() if letters(one[ENGLISH]) == letters(last_name(key))
    ]


def test_every_entry_has_its_element_and_says_what_is_missing(interface: Interface) -> None:
    alone = {key: one for key, one in interface.entries.items() if not key.startswith("*")}
    assert not alone.keys() - interface.coded.keys(), "no such element: correct it or take it away"
    both = {ENGLISH, "zh-CN"}
    assert not [
        key
        for key, one in alone.items()
        if one.keys() != (both if interface.coded[key] is None else {"zh-CN"})
    ], "en stands in the code or here, never both"


def test_common_entries_are_common(interface: Interface) -> None:
    common = {key: one for key, one in interface.entries.items() if key.startswith("*")}
    used = Counter(
        interface.common_key(key)
        for key, one in interface.said().items()
        if key not in interface.entries and interface.coded[key] in {None, one.get(ENGLISH)}
    )
    assert {key for key in common if used[key] < 2} == set(), "write it at its only element"
    assert all(one.keys() == {ENGLISH, "zh-CN"} for one in common.values())


def test_an_element_without_words_and_a_coordinate_twice_are_seen(tmp_path: Path) -> None:
    assert str(Described("Alarm.nowhere", None)) == ""
    (tmp_path / "one.json").write_text('{"Alarm": {"zh-CN": "a"}, "Alarm": {"zh-CN": "b"}}')
    with pytest.raises(ValueError, match=r"one\.json: Alarm is described twice"):
        read_entries(tmp_path)


def test_a_common_text_never_stands_for_other_words_of_the_code() -> None:
    common = {"*.at": {ENGLISH: "When.", "zh-CN": "\u65f6\u523b"}}
    assert entry_of(common, "Nothing.at", "*.at", None) == common["*.at"]
    assert entry_of(common, "Nothing.at", "*.at", "When.") == common["*.at"]
    assert entry_of(common, "Nothing.at", "*.at", "Since when.") == {ENGLISH: "Since when."}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en-GB,zh;q=0.9", "en"),
        ("de, zh;q=0.5, en;q=0.1", "zh-CN"),
        ("zh;q=0, de", "en"),
        ("zh;q=nonsense", "en"),
        ("de", "en"),
    ],
)
def test_the_reader_is_known_by_what_they_accept(accepted: str | None, language: str) -> None:
    assert reader_of(accepted, "en") == language


def test_otherwise_the_person_is_asked_for() -> None:
    assert reader_of("de", "zh-CN") == "zh-CN"
    assert reader_of("en", "zh-CN") == "en"


ALARM = '{ __type(name: "Alarm") { description fields { name description } } }'


async def test_introspection_answers_in_the_readers_language(client: Client, alice: Actor) -> None:
    opened = await client(alice)

    async def about(accepted: str) -> str:
        answer = await opened.post(
            "/graphql", json={"query": ALARM}, headers={"Accept-Language": accepted}
        )
        kind = answer.json()["data"]["__type"]
        [raised] = [one["description"] for one in kind["fields"] if one["name"] == "raisedAt"]
        return f"{kind['description']} {raised}"

    assert await about("en") == "One raising of an alarm, as it is now. When it was raised."
    assert await about("zh-CN") == "告警的一次发生，按现在的状态。 发生时刻。"
    assert await about("en") == "One raising of an alarm, as it is now. When it was raised."
    await opened.post("/graphql", json={"query": 'mutation { setLocale(locale: "zh-CN") { id } }'})
    assert await about("de") == "告警的一次发生，按现在的状态。 发生时刻。"


async def test_the_description_of_rest_is_told_in_the_readers_language(client: Client) -> None:
    opened = await client()

    async def about(accepted: str) -> tuple[str, str, str]:
        answer = await opened.get("/api/v1/openapi.json", headers={"Accept-Language": accepted})
        operation = answer.json()["paths"]["/nodes/{node}"]["get"]
        [named] = [one for one in operation["parameters"] if one["name"] == "node"]
        return answer.headers["content-language"], operation["summary"], named["description"]

    assert await about("zh-CN") == ("zh-CN", "返回一个位置", "位置的 id。")
    assert await about("de") == ("en", "Answer a node", "The place, by id.")
