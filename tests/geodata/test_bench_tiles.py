"""The measurement of tiles runs and gives the figures that are promised."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_tiles.py"


@pytest.mark.slow
def test_the_small_scale_gives_the_promised_figures() -> None:
    """A tile is sooner there than by clipping and encoding by hand, even on a busy machine."""
    spec = importlib.util.spec_from_file_location("bench_tiles", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    result = bench.run("small")
    assert result["work"] == "tiles"
    assert result["baseline"]["micro_grids"] == 480
    assert set(result["ratios"]) == {"vs_plain_clip", "vs_gdal_pmtiles"}
    assert result["ratios"]["vs_plain_clip"] > 2
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert figures["geojson_simplified_gzipped"] < figures["geojson_gzipped"] / 2
    assert 100 < figures["densest_tile_grids"] <= 480
