"""Tiles say what the grids say: the right grids in the right place, no slivers between them, the level that fits."""

import threading
from pathlib import Path

import geopandas
import mapbox_vector_tile
import numpy as np
import pyogrio
import pytest
import shapely

from geodata.errors import UnknownLevel
from geodata.mercator import EXTENT, MAX_ZOOM, PIXELS, Address, addresses, units
from geodata.synthetic import district
from geodata.tile_encoding import Layer, commands, encode
from geodata.tiles import BUFFER, Tiles, vector_layers
from tests.geodata.drawings import one_level, tile

STREETS = [("440306001", "甲街道"), ("440306002", "乙街道")]
MADE_UP = district(3, STREETS, communities=8, micro_grids=300, area_km2=25)
TILES = Tiles(MADE_UP)
WINDOW = shapely.box(0, 0, EXTENT, EXTENT)
ZOOMS = range(MAX_ZOOM + 1)


def decoded(data: bytes, layer: str) -> dict[str, shapely.Geometry]:
    """Code -> polygon in units of the tile, y downward."""
    if not data:
        return {}
    features = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})[layer]["features"]
    return {one["properties"]["code"]: shapely.geometry.shape(one["geometry"]) for one in features}


def drawn(level: str, zoom: int, tiles: Tiles = TILES) -> dict[Address, dict[str, shapely.Geometry]]:
    """All tiles of a zoom that hold something."""
    came = tiles.hierarchy.levels[tiles.stand_in(level, zoom)].key
    every = {at: decoded(tiles.tile([level], at).data, came) for at in addresses(tiles.bounds, zoom)}
    return {at: found for at, found in every.items() if found}


def inside(found: dict[str, shapely.Geometry]) -> np.ndarray:
    """The parts within the tile itself, buffer left out."""
    return shapely.intersection(np.array(list(found.values()), dtype=object), WINDOW)


class TestWhatIsInATile:
    """One tile, decoded by the library and by GDAL."""

    def test_properties_name_the_grid_and_ids_are_places_in_the_level(self) -> None:
        centre = addresses(MADE_UP.at("community")[0].geometry.representative_point().bounds, 14)[0]
        tile = TILES.tile(["micro_grid"], centre)
        layer = mapbox_vector_tile.decode(tile.data)["micro_grid"]
        assert (tile.levels, layer["version"], layer["extent"]) == (("micro_grid",), 2, 4096)
        for feature in layer["features"]:
            grid = MADE_UP.lowest[feature["id"] - 1]
            assert feature["properties"] == {
                "code": grid.code,
                "name": grid.name,
                "level": "micro_grid",
                "parent": "/".join(MADE_UP.path(grid)[:-1]),
            }

    def test_the_widest_level_has_no_parent(self) -> None:
        (at,) = addresses(MADE_UP.at(0)[0].geometry.centroid.bounds, 10)
        (feature,) = mapbox_vector_tile.decode(TILES.tile([0], at).data)["district"]["features"]
        assert feature["properties"] == {"code": "440306", "name": "虚构区", "level": "district"}

    def test_at_the_greatest_zoom_every_corner_is_where_it_was_drawn(self) -> None:
        """Within the half unit of rounding, 7 cm here."""
        fine = dict(zip((g.code for g in MADE_UP.lowest), units(all_of("micro_grid"), MAX_ZOOM), strict=True))
        for at, found in list(drawn("micro_grid", MAX_ZOOM).items())[::7]:
            for code, polygon in found.items():
                corners = shapely.get_coordinates(polygon) + at.corner
                within = shapely.contains_xy(shapely.buffer(WINDOW, BUFFER - 1), corners - at.corner)
                away = shapely.distance(shapely.points(corners[within]), shapely.boundary(fine[code]))
                assert not within.any() or away.max() <= np.sqrt(0.5) + 1e-6

    def test_gdal_reads_the_same_polygons_in_the_same_place(self, tmp_path: Path) -> None:
        at = addresses(MADE_UP.lowest[150].geometry.representative_point().bounds, 14)[0]
        data = TILES.tile(["micro_grid"], at).data
        file = tmp_path / str(at.z) / str(at.x) / f"{at.y}.mvt"
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        frame = geopandas.read_file(f"MVT:{file}", layer="micro_grid")
        assert frame.crs == "EPSG:3857"
        ours = decoded(data, "micro_grid")
        # GDAL leaves out what lies in the buffer alone.
        seen_in = [code for code, polygon in ours.items() if polygon.intersection(WINDOW).area]
        assert sorted(frame["code"]) == sorted(seen_in)
        whole = frame.to_crs(4326).set_index("code")
        for code in seen_in[:20]:
            grid = next(grid for grid in MADE_UP.lowest if grid.code == code)
            within = grid.geometry.intersection(shapely.box(*at.bounds))
            seen = whole.geometry[code].intersection(shapely.box(*at.bounds))
            assert seen.symmetric_difference(within).area < 0.05 * grid.geometry.area

    def test_the_bytes_are_those_of_the_library(self) -> None:
        """Our commands against its walk over every point, holes and parts included."""
        holed = shapely.box(0, 0, 300, 300).difference(shapely.box(100, 100, 200, 200))
        parts = shapely.union_all([shapely.box(400, -50, 500, 60), shapely.box(600, 0, 700, 90)])
        at = addresses(MADE_UP.lowest[150].geometry.representative_point().bounds, 13)[0]
        real = np.array(list(decoded(TILES.tile(["micro_grid"], at).data, "micro_grid").values()), object)
        polygons = shapely.orient_polygons(np.append(real, [holed, parts, shapely.box(-80, -80, 4176, 4176)]))
        ids = range(7, 7 + len(polygons))
        properties = [{"code": f"C{n % 5}", "name": "名"} for n in ids]
        features = [
            {"geometry": polygon, "id": n, "properties": known}
            for polygon, n, known in zip(polygons, ids, properties, strict=True)
        ]
        options = {"y_coord_down": True, "check_winding_order": False}
        theirs = mapbox_vector_tile.encode([{"name": "x", "features": features}], default_options=options)
        assert encode([Layer("x", polygons, list(ids), properties)]) == theirs

    def test_nothing_has_no_commands(self) -> None:
        assert commands(np.array([], dtype=object)) == []

    def test_where_no_grid_lies_the_tile_is_empty(self) -> None:
        assert TILES.tile(["micro_grid"], Address(14, 0, 0)).data == b""
        assert TILES.tile(["micro_grid", "street"], Address(16, 5, 5)).data == b""

    def test_an_unknown_level_is_refused(self) -> None:
        with pytest.raises(UnknownLevel, match="block"):
            TILES.tile(["block"], Address(0, 0, 0))


def all_of(level: str) -> np.ndarray:
    return np.array([grid.geometry for grid in MADE_UP.at(level)], dtype=object)


class TestTogether:
    """All tiles of a zoom make the map that was drawn."""

    @pytest.mark.parametrize("zoom", [9, 11, 12, 13, 14, 16])
    def test_no_slivers_between_neighbours(self, zoom: int) -> None:
        """In every tile the polygons are valid, tile exactly, and fill what lies within the outline."""
        for found in drawn("micro_grid", zoom).values():
            polygons = np.array(list(found.values()), dtype=object)
            assert shapely.is_valid(polygons).all()
            assert shapely.coverage_is_valid(polygons)
            whole = shapely.union_all(inside(found))
            assert shapely.area(inside(found)).sum() == pytest.approx(whole.area, rel=1e-12)
            assert sum(len(part.interiors) for part in shapely.get_parts(whole)) == 0

    @pytest.mark.parametrize("level", ["district", "street", "community", "micro_grid"])
    @pytest.mark.parametrize("zoom", [8, 10, 12, 14])
    def test_every_grid_of_the_level_drawn_is_on_the_map(self, level: str, zoom: int) -> None:
        came = MADE_UP.at(TILES.stand_in(level, zoom))
        codes = {code for found in drawn(level, zoom).values() for code in found}
        assert codes == {grid.code for grid in came}

    @pytest.mark.parametrize("zoom", [11, 13, 15])
    def test_the_area_on_the_map_is_the_area_drawn(self, zoom: int) -> None:
        """The outline's, to within a fiftieth of a pixel along it: what simplifying takes here it adds there."""
        outline = units(all_of("district"), zoom)[0]
        total = sum(shapely.area(inside(found)).sum() for found in drawn("micro_grid", zoom).values())
        assert abs(total - outline.area) < outline.length * EXTENT / PIXELS / 50

    def test_tiles_meet_at_their_seam(self) -> None:
        """East of a seam lies whose grid lies west of it, but for the unit that cut corners are rounded by."""
        tiles = drawn("micro_grid", 14)
        met = 0
        for at, west in tiles.items():
            east = tiles.get(Address(at.z, at.x + 1, at.y)) if at.x + 1 < 1 << at.z else None
            if east is None:
                continue
            for code, polygon in west.items():
                here = polygon.intersection(shapely.LineString([(EXTENT, 0), (EXTENT, EXTENT)]))
                there = east.get(code, shapely.Polygon()).intersection(
                    shapely.LineString([(0, 0), (0, EXTENT)])
                )
                assert here.length == pytest.approx(there.length, abs=4)
                met += here.length > 100
        assert met > 20

    def test_polygons_reach_into_the_buffer_and_no_further(self) -> None:
        reach = shapely.total_bounds(
            [polygon for found in drawn("micro_grid", 14).values() for polygon in found.values()]
        )
        assert reach.tolist() == [-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER]


class TestStandingIn:
    """Small scales show wider levels."""

    def test_a_wider_level_the_smaller_the_scale(self) -> None:
        numbers = [TILES.stand_in("micro_grid", zoom) for zoom in ZOOMS]
        assert numbers == sorted(numbers)
        assert (numbers[0], numbers[-1], set(numbers)) == (0, 3, {0, 1, 2, 3})

    def test_the_median_grid_is_six_pixels_wide_or_its_parents_are_drawn(self) -> None:
        for zoom in ZOOMS:
            for level, key in enumerate(("district", "street", "community", "micro_grid")):
                sides = np.sqrt(shapely.area(units(all_of(key), zoom))) / (EXTENT / PIXELS)
                wide = float(np.median(sides)) >= 6
                assert (TILES.stand_in(level, zoom) == level) == (wide or level == 0)

    def test_zooms_of_each_level_follow_one_another(self) -> None:
        zooms = TILES.zooms("micro_grid")
        assert [zoom for drawn_at in zooms.values() for zoom in drawn_at] == list(ZOOMS)
        layers = vector_layers(MADE_UP, zooms)
        assert [layer["id"] for layer in layers] == list(zooms)
        assert (layers[0]["minzoom"], layers[-1]["maxzoom"]) == (0, MAX_ZOOM)
        assert "parent" not in layers[0]["fields"]
        assert TILES.zooms("street").keys() == {"district", "street"}

    def test_several_levels_are_layers_of_one_tile_each_but_once(self) -> None:
        (at,) = addresses(MADE_UP.at(0)[0].geometry.centroid.bounds, 10)
        made = TILES.tile(["district", "street", "community", "micro_grid"], at)
        assert list(made.levels) == list(mapbox_vector_tile.decode(made.data))
        assert list(made.levels) == ["district", "street", "community"]

    def test_simplified_at_small_scales_alone(self) -> None:
        points = {
            zoom: sum(
                shapely.get_num_coordinates(polygon)
                for found in drawn("district", zoom).values()
                for polygon in found.values()
            )
            for zoom in (6, 9, 12)
        }
        assert points[6] < 20 < points[9] < 200 < points[12]


class TestSheets:
    """What tiles are cut from."""

    def test_a_sheet_is_made_once_however_many_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = []
        real = shapely.coverage_simplify
        monkeypatch.setattr(shapely, "coverage_simplify", lambda *args: made.append(1) or real(*args))
        tiles, at = Tiles(MADE_UP), addresses(TILES.bounds, 13)[3]
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: answers.append(tiles.tile([3], at).data)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(made), len(answers), len(set(answers))) == (1, 8, 1)

    def test_little_room_changes_nothing_that_is_drawn(self) -> None:
        crowded = Tiles(MADE_UP, room=1)
        for zoom in (8, 13, 9, 13):
            for at in addresses(TILES.bounds, zoom)[:4]:
                assert crowded.tile([3], at) == TILES.tile([3], at)
            assert len(crowded._sheets) == 1


class TestOddShapes:
    """Drawings that are not as they should be still make sound tiles."""

    def test_a_neck_narrower_than_a_unit(self) -> None:
        """It falls away; the two bodies stay, valid."""
        bodies = shapely.union_all([tile(0, 0), tile(2, 0), shapely.box(10.01, 50.005, 10.02, 50.0050001)])
        tiles = Tiles(one_level([bodies]))
        for zoom in range(4, MAX_ZOOM + 1):
            for found in drawn("ward", zoom, tiles).values():
                assert shapely.is_valid(np.array(list(found.values()), dtype=object)).all()

    def test_a_grid_narrower_than_a_unit_is_left_out_and_leaves_no_gap(self) -> None:
        thread = shapely.box(10.01, 50, 10.0100001, 50.01)
        rest = shapely.box(10.0100001, 50, 10.02, 50.01)
        tiles = Tiles(one_level([tile(0, 0), thread, rest]))
        for zoom in (12, 14):
            for found in drawn("ward", zoom, tiles).values():
                assert "001" not in found
                whole = shapely.union_all(list(found.values()))
                assert whole.geom_type == "Polygon"
                assert not whole.interiors

    def test_holes_are_seen_through(self) -> None:
        tiles = Tiles(one_level([tile(0, 0, 3, 3).difference(tile(1, 1)), tile(1, 1)]))
        (at,) = addresses(tile(1, 1).centroid.bounds, 13)
        found = decoded(tiles.tile([0], at).data, "ward")
        assert found["000"].intersection(found["001"]).area == 0
        assert len(found["000"].interiors) == 1

    def test_a_tile_within_one_grid_is_all_of_it(self) -> None:
        (at,) = addresses(tile(0, 0, 50, 50).centroid.bounds, 14)
        found = decoded(Tiles(one_level([tile(0, 0, 50, 50)])).tile([0], at).data, "ward")
        assert found["000"].bounds == (-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)

    def test_overlapping_grids_come_out_valid(self) -> None:
        tiles = Tiles(one_level([tile(0, 0, 2, 2), tile(1, 1, 2, 2)]))
        for zoom in (8, 11, 14):
            for found in drawn("ward", zoom, tiles).values():
                assert shapely.is_valid(np.array(list(found.values()), dtype=object)).all()

    def test_beyond_the_edge_of_the_square_world_lies_nothing(self) -> None:
        polar = shapely.box(10, 84, 30, 89)
        found = decoded(Tiles(one_level([polar])).tile([0], Address(2, 2, 0)).data, "ward")
        assert found["000"].bounds[1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["nyc/tract2020", "nyc/council_2013", "boston/precinct"])
def test_real_boundaries_make_valid_tiles(layer: str, shared_data: Path) -> None:
    """Real files overlap, have islands and threads; every polygon of every tile is valid, and nearly all of the
    area is there.
    """
    frame = pyogrio.read_dataframe(f"/vsigzip/{shared_data / layer}.geojson.gz")
    polygons = shapely.orient_polygons(frame.geometry.to_numpy())
    tiles = Tiles(one_level(polygons.tolist(), [f"{n:04d}" for n in range(len(polygons))]))
    for zoom in (9, 11, 13):
        tiles_of_zoom = drawn("ward", zoom, tiles)
        for found in tiles_of_zoom.values():
            assert shapely.is_valid(np.array(list(found.values()), dtype=object)).all()
        total = sum(shapely.area(inside(found)).sum() for found in tiles_of_zoom.values())
        assert total == pytest.approx(shapely.area(units(polygons, zoom)).sum(), rel=2e-3)
