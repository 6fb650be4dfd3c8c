"""A survey's grids are on the map before anybody has written rules for the city."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from geodata.grids import Hierarchy
from gridgov import city
from gridgov.app import create_app
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from tests.gridgov import scene
from tests.gridgov.conftest import OPERATOR, QUICK


@dataclass(frozen=True)
class Bare:
    """A service without rules, and its operator's client."""

    service: Service
    client: TestClient

    def import_(self, name: str, hierarchy: Hierarchy) -> None:
        chore = city.import_edition(hierarchy, name, made_up=True, findings=[], by="test")
        self.service.writer.run(chore)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bare]:
    """A store that has just been made, served to its operator."""
    settings = Settings(data=tmp_path)
    init(settings.database_url, "e")
    with (
        Service.open(settings, scene.Clock()) as service,
        TestClient(create_app(service, operator=OPERATOR, passwords=QUICK)) as made,
    ):
        made.headers["Authorization"] = f"Bearer {OPERATOR}"
        yield Bare(service, made)


def test_grids_are_drawn_without_rules_and_the_newest_edition_of_them(bare: Bare) -> None:
    client = bare.client
    assert client.get("/api/grids").status_code == 503
    bare.import_("survey", scene.hierarchy())
    assert client.get("/api/grids").json()["name"] == "survey"
    assert client.get("/ogc").json()["title"] == "survey 网格 survey grids"
    assert client.get("/ogc/api").status_code == 200
    found = client.get("/ogc/collections/grid/items").json()["features"]
    assert [feature["id"] for feature in found] == ["N1", "N2", "S1", "S2"]
    assert client.get("/api/grids/street.geojson").status_code == 200
    assert client.get("/tiles/grid.json").status_code == 200
    bare.import_("redrawn", scene.redrawn())
    found = client.get("/ogc/collections/grid/items").json()["features"]
    assert [feature["id"] for feature in found] == ["N3", "S2", "S3", "S4"]


def test_what_needs_rules_says_how_to_bring_them_in(bare: Bare) -> None:
    bare.import_("survey", scene.hierarchy())
    refused = bare.client.get("/api/locate?lon=114.005&lat=22.515&datum=wgs84")
    assert refused.status_code == 503
    assert "gridgov city apply" in refused.json()["detail"]
