"""The work `rules` measures what it says: a file that is loaded, routing as a plain reading has it, time limits."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from scripts import bench, bench_rules


@pytest.mark.slow
def test_the_small_scale_runs_through() -> None:
    result = bench.measure("rules", "small")
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert figures["rules"] == bench_rules.RULES["small"]
    assert figures["file_lines"] >= bench_rules.LINES["small"]
    assert 0 < figures["decided_by_a_rule"] < 100
    assert min(figures["route"], figures["explain_and_read"], figures["plain_reading"]) > 0
    assert result["ratios"]["route_vs_plain_reading"] > 0
    assert min(figures["noop_fold"], figures["fold"]) > 0
    assert figures["fold_and_decide"] > 0


def test_a_file_of_so_many_rules_is_made_up_the_same_way_each_time() -> None:
    first, again = (bench_rules._file(np.random.default_rng(1), rules=50) for _ in range(2))
    assert first == again
    assert len(tomllib.loads(first)["routing"]) == 50
