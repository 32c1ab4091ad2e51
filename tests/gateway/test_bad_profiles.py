"""Broken profiles: one file a case in bad_profiles/, and the sentences people get for it."""

from pathlib import Path

import pytest

from gateway.contract.documents import DocumentFault
from gateway.contract.profile_file import parse_profile

CASES = sorted((Path(__file__).parent / "bad_profiles").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_broken_profile_is_told_in_sentences(case: Path) -> None:
    with pytest.raises(DocumentFault) as caught:
        parse_profile(case.stem, case.read_text(encoding="utf-8"))
    assert f"{caught.value}\n" == case.with_suffix(".txt").read_text(encoding="utf-8")
