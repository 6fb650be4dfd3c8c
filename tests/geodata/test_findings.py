"""Findings go out as JSON, and as GeoJSON that lies where what they are about lies."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pyogrio
import pytest
import shapely
from shapely.geometry import box

from geodata.check import Acceptance, Finding, Severity, check, judge
from geodata.findings import feature_collection
from tests.geodata.drawings import a_city, tile

OVERLAPPING = a_city(("1", tile(0, 0, 2)), ("2", tile(1, 0, 2)))
PROPERTIES = ["code", "severity", "level", "grids", "measure", "unit", "message", "accepted"]


def features(findings: tuple[Finding, ...]) -> list[dict[str, object]]:
    return list(json.loads(feature_collection(findings))["features"])


def test_a_feature_is_the_ground_that_a_finding_is_about() -> None:
    overlap = [one for one in features(check(OVERLAPPING)) if one["properties"]["code"] == "OVERLAP"]
    assert len(overlap) == 1
    assert shapely.from_geojson(json.dumps(overlap[0]["geometry"])).equals(tile(1, 0))
    assert list(overlap[0]["properties"]) == PROPERTIES


def test_a_finding_without_a_geometry_is_where_its_place_is_or_nowhere() -> None:
    lost = Finding("ORPHAN", Severity.error, "ward", ("1",), 1, "count", (10.5, 50.5), "m")
    none = Finding("EMPTY_LEVEL", Severity.error, "ward", (), 0, "count", None, "m", "known")
    point, nothing = features((lost, none))
    assert point["geometry"] == {"type": "Point", "coordinates": [10.5, 50.5]}
    assert nothing["geometry"] is None
    assert nothing["properties"]["accepted"] == "known"


def test_slivers_keep_every_digit() -> None:
    sliver = box(10, 50, 10.000000000001, 50.01)
    (only,) = features((Finding("GAP", Severity.info, "w", (), 1, "m2", None, "m", geometry=sliver),))
    assert shapely.from_geojson(json.dumps(only["geometry"])) == sliver


def test_gdal_reads_what_was_written(tmp_path: Path) -> None:
    found = judge(OVERLAPPING, [Acceptance("OVERLAP", "known since 1997"), Acceptance("GAP", "x")])
    file = tmp_path / "findings.geojson"
    file.write_bytes(feature_collection(found))
    meta, _, geometries, values = pyogrio.raw.read(file)
    told = dict(zip(meta["fields"].tolist(), values, strict=True))
    assert told["code"].tolist() == ["LEVEL_AREA", "OVERLAP", "UNUSED_ACCEPTANCE"]
    assert told["accepted"].tolist() == [None, "known since 1997", None]
    assert [one is None for one in geometries] == [False, False, True]


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="ogrinfo (gdal-bin) is not installed")
def test_gdals_own_program_lists_them(tmp_path: Path) -> None:
    file = tmp_path / "findings.geojson"
    file.write_bytes(feature_collection(check(OVERLAPPING)))
    told = subprocess.run(
        ["ogrinfo", "-al", str(file), "-where", "code = 'OVERLAP'"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "severity (String) = error" in told.stdout
    assert "grids (StringList) = (2:1,2)" in told.stdout
    assert re.search(r"POLYGON \(\((10\.0[12] 50\.0[01]?,?){5}\)\)", told.stdout)
    assert not told.stderr
