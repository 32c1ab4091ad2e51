"""The runner of the benchmarks: lines come through, and nothing stops the run."""

import json
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench

GOOD = json.dumps(
    {"name": "n", "value": 1, "unit": "s", "against": "", "ratio": None, "reach": 2, "ok": True}
)


def planted(code: str, seconds: float = 20.0) -> tuple[list[str], list[str]]:
    """Lines and what was told of a figure with this code."""
    told: list[str] = []
    command = (sys.executable, "-c", code)
    return bench.measure("planted", command, seconds, told.append), told


def test_figures_come_through_as_they_are_and_other_words_do_not() -> None:
    assert planted(f"print('warm'); print({GOOD!r}); print({{}})") == (
        [GOOD],
        ["planted: warm", "planted: {}"],
    )


@pytest.mark.parametrize(
    ("code", "kept", "why"),
    [
        (f"print({GOOD!r}); exit(3)", [GOOD], "ended with 3"),
        ("pass", [], "printed no figure"),
    ],
)
def test_a_figure_that_fails_says_why(code: str, kept: list[str], why: str) -> None:
    lines, _ = planted(code)
    assert lines[:-1] == kept
    assert json.loads(lines[-1]) == {
        "name": "planted",
        "value": None,
        "unit": None,
        "against": why,
        "ratio": None,
        "reach": None,
        "ok": False,
    }


def test_a_figure_that_hangs_is_stopped_and_cleans_up(tmp_path: Path) -> None:
    code = (
        "import time\n"
        f"print({GOOD!r}, flush=True)\n"
        "try:\n"
        "    time.sleep(600)\n"
        "finally:\n"
        f"    open({str(tmp_path / 'clean')!r}, 'w').close()\n"
    )
    lines, _ = planted(code, 8.0)
    assert lines[0] == GOOD
    assert json.loads(lines[1])["against"] == "not done after 8 s"
    assert (tmp_path / "clean").exists()


def test_no_time_left_is_said_for_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    bench.run(["rollup", "frame"], lambda _: None, total_s=0.0)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["name"], line["against"], line["ok"]) for line in lines] == [
        ("rollup", "no time left of 0 s", False),
        ("frame", "no time left of 0 s", False),
    ]


def test_every_figure_of_the_folder_is_run() -> None:
    found = bench.figures()
    assert {"end_to_end", "frame", "gateway_cpu", "ingest_copy", "rollup", "series_cpu"} <= set(
        found
    )
    assert not bench.NO_FIGURES & set(found)
