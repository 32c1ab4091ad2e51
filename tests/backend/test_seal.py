"""Secrets at rest: opened by the same key for the same row, and by nothing else."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.core.errors import Unavailable
from backend.core.seal import FILE, Seal


def test_a_secret_is_opened_for_its_own_row_only(tmp_path: Path) -> None:
    seal = Seal(tmp_path / "data")
    sealed = seal.close(b"secret", "second_factor 7")
    assert b"secret" not in sealed
    assert seal.close(b"secret", "second_factor 7") != sealed
    assert Seal(tmp_path / "data").open(sealed, "second_factor 7") == b"secret"
    assert stat.S_IMODE((tmp_path / "data" / FILE).stat().st_mode) == 0o600
    for other, of in (
        (seal, "second_factor 8"),
        (Seal(tmp_path / "other"), "second_factor 7"),
    ):
        with pytest.raises(Unavailable, match="sealed_elsewhere"):
            other.open(sealed, of)
    with pytest.raises(Unavailable, match="sealed_elsewhere"):
        seal.open(b"", "second_factor 7")


def test_processes_that_begin_at_once_have_one_key(tmp_path: Path) -> None:
    seals = [Seal(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda seal: seal.close(b"x", "y"), seals))
    assert {seals[0].open(one, "y") for one in sealed} == {b"x"}
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
