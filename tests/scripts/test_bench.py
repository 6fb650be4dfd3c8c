"""The measuring entry: lists works, keeps standard output for the result, refuses one of another shape."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scripts import bench

WHOLE = {
    "work": "sums",
    "figures": {"added": {"value": 3, "unit": "numbers/s"}},
    "baseline": "the same by hand",
    "ratios": {"vs_hand": 1.5},
}


def a_work(folder: Path, result: object, *, signature: str = "scale='full'", first: str = "") -> None:
    lines = ['"""Adds numbers.', "", 'More words."""', f"def run({signature}):", f"    {first or 'pass'}"]
    source = "\n".join([*lines, f"    return {result!r}", ""])
    (folder / "bench_sums.py").write_text(source, encoding="utf-8")


def test_works_are_listed_with_the_first_line_of_their_docstring(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE)
    assert bench.works(tmp_path) == {"sums": "Adds numbers."}


def test_every_work_of_the_project_says_what_it_measures() -> None:
    assert all(bench.works().values())


def test_a_result_comes_back_with_the_machine_it_was_measured_on(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE | {"machine": {"polygons": 9}})
    result = bench.measure("sums", "full", tmp_path)
    assert result["machine"].keys() == {"cores", "python", "platform", "load", "polygons"}
    assert {key: result[key] for key in WHOLE} == WHOLE


def test_the_scale_reaches_the_work(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE, first="assert scale == 'small'")
    assert bench.measure("sums", "small", tmp_path)["work"] == "sums"


def test_a_work_of_one_scale_refuses_another(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE, signature="")
    assert bench.measure("sums", "full", tmp_path)["work"] == "sums"
    with pytest.raises(bench.OneScaleOnly, match="leave --scale out"):
        bench.measure("sums", "small", tmp_path)


def test_an_unknown_work_is_named_beside_those_there_are(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE)
    with pytest.raises(bench.UnknownWork, match="no work named 'sum'; there are: sums"):
        bench.load("sum", tmp_path)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "returned NoneType"),
        (WHOLE | {"work": "other"}, "work is 'other'"),
        (WHOLE | {"baseline": ""}, "baseline is missing"),
        (WHOLE | {"figures": {}}, "figures is empty"),
        (WHOLE | {"figures": {"added": 3}}, "figure added is 3"),
        (WHOLE | {"figures": {"added": {"value": 3}}}, "figure added"),
        (WHOLE | {"figures": {"added": {"value": float("nan"), "unit": "s"}}}, "figure added"),
        (WHOLE | {"ratios": {"vs_hand": float("inf")}}, "ratio vs_hand is inf"),
        (WHOLE | {"ratios": {"vs_hand": True}}, "ratio vs_hand is True"),
        (WHOLE | {"ratios": None}, "ratios is None"),
        (WHOLE | {"machine": "mine"}, "machine is 'mine'"),
    ],
)
def test_a_malformed_result_is_refused_by_name(result: Any, said: str) -> None:
    with pytest.raises(bench.MalformedResult, match=said):
        bench.checked("sums", result)


def test_json_is_one_object_on_standard_output_whatever_the_work_prints(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE, first="import os; print('chatter'); os.system('echo louder chatter')")
    program = (
        "from pathlib import Path; from scripts import bench; import sys;"
        "bench.measure.__defaults__ = (Path(sys.argv[1]),); sys.exit(bench.main(['sums', '--json']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout)["ratios"] == {"vs_hand": 1.5}
    assert "chatter" in run.stderr
    assert "louder chatter" in run.stderr


def test_the_table_for_people_holds_every_figure_and_ratio(tmp_path: Path) -> None:
    a_work(tmp_path, WHOLE)
    console = Console(record=True, width=100)
    bench.show(bench.measure("sums", "full", tmp_path), console)
    text = console.export_text()
    assert "added" in text
    assert "numbers/s" in text
    assert "vs_hand" in text
    assert "measured against: the same by hand" in text
    assert "cores" in text
