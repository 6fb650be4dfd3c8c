"""The work `import` measures what it says: all rows imported, both ways timed."""

from __future__ import annotations

import pytest

from scripts import bench


@pytest.mark.slow
def test_the_small_scale_runs_through() -> None:
    result = bench.measure("import", "small")
    ours, plain = (result["figures"][name]["value"] for name in ("rows_per_s", "plain_rows_per_s"))
    assert 0 < ours < plain
    assert result["ratios"]["vs_plain_sqlite"] == pytest.approx(ours / plain, rel=0.01)
