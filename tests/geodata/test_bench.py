"""The measurement of locating runs, compares the same answers, and gives the figures that are promised."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas
import pytest

from scripts import postgres

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_locate.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_locate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
def test_the_small_scale_gives_the_promised_figures(bench, shared_data):
    """The index is faster even on a busy machine, by less than it is on a quiet one."""
    result = bench.run("small")
    assert result["work"] == "locate"
    figures, ratios = result["figures"], result["ratios"]
    assert figures["polygons"]["value"] == 4833
    assert 55 < figures["vertices_a_polygon"]["value"] < 65
    assert figures["holes"]["value"] == 200
    assert figures["in_several_parts"]["value"] > 150
    assert figures["polygons_nyc"]["value"] == 2325
    assert figures["index"]["value"] < 60
    assert {"vs_geopandas_sjoin", "vs_geopandas_sjoin_nyc"} <= set(ratios)
    if postgres.missing() is None:
        assert {"vs_postgis_join", "vs_postgis_join_by_the_clock"} <= set(ratios)
    assert min(ratios.values()) > 2


def test_different_answers_are_no_measurement(bench):
    joined = pandas.Series([0.0, 1.0, 2.0, np.nan], index=[0, 1, 1, 2])
    bench._same(np.array([0, 1, -1], np.int32), joined)
    with pytest.raises(bench.DifferentAnswers, match="1 of 3 points"):
        bench._same(np.array([0, 2, -1], np.int32), joined)
