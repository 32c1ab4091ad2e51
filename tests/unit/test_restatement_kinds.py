"""Every kind of restatement and every field of its form has words in both languages."""

import json
from pathlib import Path

import pytest

from backend.service.restatement.kinds.base import Change
from backend.service.restatement.kinds.registry import KINDS
from backend.service.restatement.kinds.revoke import TAKEN_BACK

TEXTS = Path(__file__).parent.parent.parent / "backend" / "core" / "texts"


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_every_kind_and_field_has_its_words(locale: str) -> None:
    texts = json.loads((TEXTS / f"{locale}.json").read_text(encoding="utf-8"))
    wanted = {f"restatement.kind.{name}{about}" for name in KINDS for about in ("", ".about")}
    for kind in KINDS.values():
        wanted |= {f"restatement.field.{field}" for field in kind.model_fields}
    assert wanted - texts.keys() == set()


def test_the_kinds_that_say_how_are_those_that_can_be_taken_back() -> None:
    says = {name for name, kind in KINDS.items() if kind.take_back is not Change.take_back}
    assert says == TAKEN_BACK.keys()
