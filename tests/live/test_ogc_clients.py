"""Programs that others wrote open the town: OWSLib, GDAL as pyogrio brings it, and GDAL's own command.

The server is a process of its own: GDAL holds Python still while it waits for an answer.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import geopandas
import pyogrio
import pytest
from owslib.ogcapi.features import Features
from owslib.util import Authentication
from pyogrio.errors import DataSourceError

from gridgov.api.ogc import documents
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, position
from tests.live.server import RunningServer
from tests.live.town import As

pytestmark = pytest.mark.slow

USER = f"leader:{PASSWORD}"


@pytest.fixture(scope="module")
def ogc(town: RunningServer, as_: As) -> Iterator[str]:
    """Where the town's maps are, with an incident in each square and one without a place."""
    for grid in ("N1", "N2", "S1", "S2"):
        assert as_("inspector").report(position=position(grid)).status_code == 201
    assert as_("inspector").report(position=None).status_code == 201
    yield f"{town.url}/ogc"
    assert town.pid


def opened(ogc: str, layer: str, **more: Any) -> geopandas.GeoDataFrame:
    return geopandas.read_file(f"OAPIF:{ogc}", layer=layer, USERPWD=USER, **more)


class TestOwslib:
    """OWSLib, as a program uses it."""

    @pytest.fixture
    def features(self, ogc: str) -> Features:
        return Features(ogc, auth=Authentication(username="leader", password=PASSWORD))

    def test_it_finds_its_way(self, features: Features) -> None:
        assert features.conformance()["conformsTo"] == list(documents.CONFORMS_TO)
        assert features.feature_collections() == ["district", "street", "grid", "incidents"]
        assert features.collection("street")["title"] == "街道 street"
        assert "/collections/street/items" in features.api()["paths"]

    def test_it_reads_features(self, features: Features) -> None:
        page = features.collection_items("grid", bbox=[114.001, 22.501, 114.002, 22.52], limit=1)
        assert (page["numberMatched"], [one["id"] for one in page["features"]]) == (2, ["N1"])
        assert features.collection_item("grid", "S2")["properties"]["path"] == "D/S/S2"
        found = features.collection_items("incidents", datetime_="2026-01-01T00:00:00Z/..", limit=3)
        assert found["numberReturned"] == 3

    def test_it_is_told_what_is_wrong(self, features: Features, ogc: str) -> None:
        with pytest.raises(RuntimeError, match="expected a whole number"):
            features.collection_items("grid", limit="all")
        nobody = Features(ogc, auth=Authentication(username="leader", password="wrong"))
        with pytest.raises(RuntimeError, match="The name or the password is wrong"):
            nobody.collections()


class TestGdal:
    """GDAL's driver for OGC API - Features, in the library that pyogrio brings."""

    def test_its_layers_are_the_collections(self, ogc: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GDAL_HTTP_USERPWD", USER)
        names, kinds = pyogrio.list_layers(f"OAPIF:{ogc}").T.tolist()
        assert names == ["district", "street", "grid", "incidents"]
        assert kinds == ["Polygon", "Polygon", "Polygon", "Point"]

    def test_the_grids_are_those_in_force(self, ogc: str) -> None:
        frame = opened(ogc, "grid")
        assert frame.crs.to_epsg() == 4326
        drawn = {grid.code: grid for grid in scene.hierarchy().at("grid")}
        assert set(frame["code"]) == set(drawn)
        for row in frame.itertuples():
            assert row.geometry.equals(drawn[row.code].geometry)
            assert (row.name, row.parent) == (drawn[row.code].name, drawn[row.code].parent)

    def test_pages_boxes_and_properties(self, ogc: str) -> None:
        assert list(opened(ogc, "grid", PAGE_SIZE=1)["code"]) == ["N1", "N2", "S1", "S2"]
        assert list(opened(ogc, "grid", bbox=(114.001, 22.501, 114.002, 22.52))["code"]) == ["N1", "S1"]
        assert list(opened(ogc, "grid", where="parent = 'S'")["code"]) == ["S1", "S2"]

    def test_incidents_come_by_pages_with_their_types(self, ogc: str) -> None:
        frame = opened(ogc, "incidents", PAGE_SIZE=2)
        assert frame["path"].tolist() == ["D/S/S2", "D/S/S1", "D/N/N2", "D/N/N1"]
        assert str(frame["reported_at"].dtype).startswith("datetime64")
        assert frame["open"].all()
        assert len(opened(ogc, "incidents", bbox=(114.0, 22.50, 114.01, 22.52))) == 2
        assert len(opened(ogc, "incidents", bbox=(114.0, 22.50, 114.001, 22.501))) == 0

    def test_a_token_opens_it_too(self, ogc: str, as_: As, monkeypatch: pytest.MonkeyPatch) -> None:
        # GDAL 3.12 leaves GDAL_HTTP_HEADERS out where its driver sends headers of its own; 3.6 did not.
        token = as_("inspector_n").client.headers["Authorization"].removeprefix("Bearer ")
        monkeypatch.setenv("GDAL_HTTP_AUTH", "BEARER")
        monkeypatch.setenv("GDAL_HTTP_BEARER", token)
        assert sorted(geopandas.read_file(f"OAPIF:{ogc}", layer="incidents")["path"]) == ["D/N/N1", "D/N/N2"]

    def test_who_has_no_right_password_is_told_to_sign_in(self, ogc: str) -> None:
        with pytest.raises(DataSourceError, match="401"):
            geopandas.read_file(f"OAPIF:{ogc}", layer="grid", USERPWD="leader:wrong")


def test_gdals_own_command_opens_it(ogc: str) -> None:
    """Debian's gdal-bin is another build of another version than pyogrio's."""
    command = shutil.which("ogrinfo")
    if command is None:
        pytest.skip("ogrinfo (gdal-bin) is not installed")
    run = subprocess.run(
        [command, "-ro", "-al", "-so", f"OAPIF:{ogc}", "-oo", f"USERPWD={USER}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.count("Feature Count: 4") == 2
    assert "TITLE=街道 street" in run.stdout
    assert "reported_at: DateTime" in run.stdout
