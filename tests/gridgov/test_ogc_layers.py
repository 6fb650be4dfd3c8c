"""The grids of a level as features: the index against a plain scan."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import shapely

from geodata.grids import Grid, Hierarchy, Level, area_m2
from geodata.locate import Locator
from gridgov.api.ogc import layers, parameters
from gridgov.api.ogc.errors import BadQuery
from gridgov.api.ogc.layers import Layer, Layers
from gridgov.api.ogc.parameters import Asked
from gridgov.in_force import Atlas


def squares(number: int, shift: float = 0.0, west: float = 0.0) -> list[shapely.Polygon]:
    return [shapely.box(west + n + shift, 0, west + n + 1 + shift, 1) for n in range(number)]


def atlas(polygons: list[Any], edition: int = 1) -> Atlas:
    """One level of these polygons, coded in their order."""
    grids = [
        Grid(f"{n:04}", f"n{n}", 0, None, polygon, area_m2(polygon)) for n, polygon in enumerate(polygons)
    ]
    hierarchy = Hierarchy.build([Level("a", "甲", "a")], grids)
    return Atlas(edition, "e", True, hierarchy, Locator(hierarchy))


@pytest.fixture(scope="module")
def jagged() -> tuple[Layer, list[shapely.Polygon]]:
    rng = np.random.default_rng(5)
    polygons = [
        shapely.Point(x, y).buffer(r, quad_segs=3)
        for x, y, r in zip(
            rng.uniform(-170, 170, 300), rng.uniform(-80, 80, 300), rng.uniform(1, 9, 300), strict=True
        )
    ]
    return Layer(atlas(polygons), "a"), polygons


class TestLayers:
    """The index against a plain scan; what is kept, and for how long."""

    def test_a_box_finds_what_a_scan_finds(self, jagged: tuple[Layer, list[shapely.Polygon]]) -> None:
        """For boxes, lines, points, and boxes over the antimeridian."""
        layer, polygons = jagged
        rng, found_any = np.random.default_rng(6), 0
        for turn in range(400):
            west, east = rng.uniform(-180, 180, 2).tolist()
            south, north = sorted(rng.uniform(-90, 90, 2).tolist())
            if turn % 4 == 1:
                east = west
            if turn % 8 > 5:
                north = south
            boxes = parameters.bbox(f"{west!r},{south!r},{east!r},{north!r}")
            areas = [
                shapely.MultiPoint([(a, b), (c, d)]).envelope if (a, b) != (c, d) else shapely.Point(a, b)
                for a, b, c, d in boxes
            ]
            expected = [
                f"{n:04}"
                for n, polygon in enumerate(polygons)
                if any(polygon.intersects(area) for area in areas)
            ]
            page = layer.page(Asked(limit=1000, boxes=boxes))
            assert [re.search(rb'"id":"(\d+)"', one)[1].decode() for one in page.features] == expected  # type: ignore[index]
            assert page.matched == len(expected)
            found_any += bool(expected)
        assert found_any > 200

    def test_both_sides_of_the_antimeridian(self) -> None:
        layer = Layer(atlas([*squares(1, west=179.0), *squares(1, west=-180.0), *squares(1, west=0)]), "a")
        assert layer.page(Asked(boxes=parameters.bbox("179.5,0.2,-179.5,0.4"))).matched == 2
        assert layer.page(Asked(boxes=parameters.bbox("179.5,0.2,180,0.4"))).matched == 1

    def test_a_page_begins_after_a_code_that_is_gone(self) -> None:
        layer = Layer(atlas(squares(5)), "a")
        assert layer.page(Asked(limit=1, page="0002x")).last == "0003"
        assert layer.page(Asked(limit=1, page="9")).features == []

    def test_what_is_written_is_kept_while_there_is_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        layer = Layer(atlas(squares(5)), "a")
        first = layer.page(Asked()).features
        assert all(one is two for one, two in zip(first, layer.page(Asked()).features, strict=True))
        monkeypatch.setattr(layers, "KEPT_BYTES", 500)
        small = Layer(atlas(squares(5)), "a")
        assert small.page(Asked()).features == first
        assert 0 < len(small._written) < 5

    def test_layers_of_the_newest_atlases_are_kept(self) -> None:
        kept, made = Layers(), [atlas(squares(2), n) for n in range(3)]
        first = kept.layer(made[0], "a")
        assert kept.layer(made[0], "a") is first
        kept.layer(made[1], "a")
        assert kept.layer(made[0], "a") is first
        kept.layer(made[2], "a")
        assert kept.layer(made[0], "a") is not first

    def test_an_unknown_path_is_the_askers_mistake(self) -> None:
        with pytest.raises(BadQuery, match="under"):
            Layer(atlas(squares(2)), "a").page(Asked(filters={"under": ("x",)}))

    def test_a_tag_changes_with_the_grids(self) -> None:
        one, other = atlas(squares(3)), atlas(squares(3, shift=1e-9))
        assert Layer(one, "a").tag == Layer(atlas(squares(3)), "a").tag != Layer(other, "a").tag
