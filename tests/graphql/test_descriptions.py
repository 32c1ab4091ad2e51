"""Every element of the schema is described in both languages, in code or catalogue, and told so."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from graphql import GraphQLSchema

from backend.application.graphql import descriptions
from backend.application.graphql.descriptions import (
    ENGLISH,
    Described,
    Element,
    catalogue,
    common_key,
    elements,
)
from backend.application.graphql.schema import build_schema, core_schema
from backend.application.languages import reader_of
from tests.graphql.conftest import Client
from tests.postgres import Actor

SCHEMA = core_schema(build_schema())
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def described(schema: GraphQLSchema = SCHEMA) -> Mapping[str, Described]:
    """What is said of each element, by coordinate."""
    return {coordinate: said(element) for coordinate, element in elements(schema)}


def said(element: Element) -> Described:
    """The description of an element; every one of ours has one that can be told."""
    found = cast("object", element.description)
    assert isinstance(found, Described)
    return found


def told(one: Described, language: str) -> str:
    """What is said in exactly this language; empty where nothing is."""
    return descriptions.entry_of(one.coordinate, one.coded).get(language, "")


def last_name(coordinate: str) -> str:
    """The element's own name."""
    return re.split(r"[.(]", coordinate.removesuffix(":)"))[-1]


def test_every_element_is_described_in_both_languages() -> None:
    said_of = described()
    assert len(said_of) > 2000
    bare = [key for key, one in said_of.items() if not told(one, ENGLISH).strip()]
    assert not bare, "add en and zh-CN to backend/application/graphql/descriptions"
    foreign = [key for key, one in said_of.items() if not CHINESE.search(told(one, "zh-CN"))]
    assert not foreign, "add zh-CN to backend/application/graphql/descriptions"


def test_no_text_only_repeats_the_name() -> None:
    def letters(text: str) -> str:
        return re.sub(r"\W", "", text).lower()

    repeated = [
        key
        for key, one in described().items()
        if letters(told(one, ENGLISH)) == letters(last_name(key))
    ]
    assert not repeated


def test_every_entry_has_its_element_and_says_what_is_missing() -> None:
    said_of = described()
    alone = {key for key in catalogue() if not key.startswith("*")}
    assert not alone - said_of.keys(), "no such element: take the entry away or correct it"
    wrong = [
        key
        for key in alone
        if catalogue()[key].keys()
        != ({"zh-CN"} if said_of[key].coded is not None else {ENGLISH, "zh-CN"})
    ]
    assert not wrong, "en stands in the code or here, never both"


def test_common_entries_are_common() -> None:
    common = {key for key in catalogue() if key.startswith("*")}
    used = Counter(
        common_key(key)
        for key, one in described().items()
        if key not in catalogue() and one.coded in {None, told(one, ENGLISH)}
    )
    assert {key for key in common if used[key] < 2} == set(), "write it at its only element"
    assert all(catalogue()[key].keys() == {ENGLISH, "zh-CN"} for key in common)


def test_an_element_without_words_and_a_coordinate_twice_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(Described("Alarm.nowhere", None), ENGLISH) == ""
    assert str(Described("Alarm.nowhere", None)) == ""
    (tmp_path / "one.json").write_text('{"Alarm": {"zh-CN": "a"}, "Alarm": {"zh-CN": "b"}}')
    monkeypatch.setattr(descriptions, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"one\.json: Alarm is described twice"):
        catalogue.__wrapped__()


def test_a_common_text_never_stands_for_other_words_of_the_code() -> None:
    common = catalogue()["*.createdAt"]
    assert told(Described("Nothing.createdAt", None), "zh-CN") == common["zh-CN"]
    assert told(Described("Nothing.createdAt", common[ENGLISH]), "zh-CN") == common["zh-CN"]
    assert told(Described("Nothing.createdAt", "Something else."), "zh-CN") == ""


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
