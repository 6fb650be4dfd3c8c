"""An archive read back, by the format's own reader and by GDAL, holds the grids in their places."""

import gzip
from pathlib import Path

import mapbox_vector_tile
import numpy as np
import pyogrio
import pytest
import shapely
from pmtiles.reader import MemorySource, Reader, all_tiles
from pmtiles.tile import Compression, TileType

from geodata.errors import UnknownLevel
from geodata.mercator import Address, addresses
from geodata.pmtiles import Archive, write_pmtiles
from geodata.synthetic import district
from geodata.tiles import Tiles
from tests.geodata.drawings import one_level, tile

STREETS = [("440306001", "甲街道"), ("440306002", "乙街道")]
MADE_UP = district(3, STREETS, communities=8, micro_grids=300, area_km2=25)
TILES = Tiles(MADE_UP)
LEVELS = [level.key for level in MADE_UP.levels]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Archive]:
    file = tmp_path_factory.mktemp("archive") / "town.pmtiles"
    return file, write_pmtiles(file, TILES, LEVELS, {"name": "虚构区"}, max_zoom=13)


def test_the_header_says_what_is_in_it(archive: tuple[Path, Archive]) -> None:
    file, made = archive
    reader = Reader(MemorySource(file.read_bytes()))
    header = reader.header()
    assert (header["tile_type"], header["tile_compression"]) == (TileType.MVT, Compression.GZIP)
    assert (header["min_zoom"], header["max_zoom"]) == (min(made.zooms["district"]), 13)
    assert header["clustered"]
    assert header["addressed_tiles_count"] == made.tiles
    west, south, east, north = shapely.total_bounds([grid.geometry for grid in MADE_UP.grids])
    corners = [header[f"{edge}_e7"] / 1e7 for edge in ("min_lon", "min_lat", "max_lon", "max_lat")]
    assert corners == pytest.approx([west, south, east, north], abs=1e-7)
    assert west < header["center_lon_e7"] / 1e7 < east
    assert south < header["center_lat_e7"] / 1e7 < north
    assert header["center_zoom"] == made.zooms["micro_grid"][0]
    assert made.size == file.stat().st_size


def test_the_metadata_names_the_layers_and_their_zooms(archive: tuple[Path, Archive]) -> None:
    file, made = archive
    metadata = Reader(MemorySource(file.read_bytes())).metadata()
    assert (metadata["name"], metadata["type"]) == ("虚构区", "overlay")
    assert [layer["id"] for layer in metadata["vector_layers"]] == LEVELS
    for layer in metadata["vector_layers"]:
        assert range(layer["minzoom"], layer["maxzoom"] + 1) == made.zooms[layer["id"]]
        assert set(layer["fields"]) >= {"code", "name", "level"}


def test_every_tile_in_it_is_the_one_that_is_served(archive: tuple[Path, Archive]) -> None:
    """And those that are not in it hold nothing."""
    stored = dict(all_tiles(MemorySource(archive[0].read_bytes())))
    for zoom in (0, 8, 10, 12, 13):
        for at in addresses(TILES.bounds, zoom):
            packed = stored.get((at.z, at.x, at.y))
            served = TILES.tile(LEVELS, at).data
            assert (gzip.decompress(packed) if packed else b"") == served
    assert not [at for at in stored if Address(*at) not in addresses(TILES.bounds, at[0])]


def test_a_reader_finds_the_grid_of_a_place(archive: tuple[Path, Archive]) -> None:
    reader = Reader(MemorySource(archive[0].read_bytes()))
    for grid in MADE_UP.lowest[::40]:
        place = grid.geometry.representative_point()
        (at,) = addresses(place.bounds, 13)
        layers = mapbox_vector_tile.decode(
            gzip.decompress(reader.get(at.z, at.x, at.y)), default_options={"y_coord_down": True}
        )
        assert set(layers) == set(LEVELS)
        west, south, east, north = at.bounds
        spot = shapely.Point(
            (place.x - west) / (east - west) * 4096, (north - place.y) / (north - south) * 4096
        )
        for level, code in zip(LEVELS, MADE_UP.path(grid), strict=True):
            found = [
                one["properties"]["code"]
                for one in layers[level]["features"]
                if shapely.geometry.shape(one["geometry"]).contains(spot)
            ]
            assert found == [code]


def test_gdal_reads_the_archive_and_finds_the_grids(archive: tuple[Path, Archive]) -> None:
    file, _ = archive
    assert sorted(pyogrio.list_layers(file)[:, 0]) == sorted(LEVELS)
    for level in LEVELS:
        frame = pyogrio.read_dataframe(file, layer=level).to_crs(4326)
        pieces = frame.dissolve("code").geometry
        assert sorted(pieces.index) == sorted(grid.code for grid in MADE_UP.at(level))
        shares = [
            pieces[grid.code].intersection(grid.geometry).area / pieces[grid.code].union(grid.geometry).area
            for grid in MADE_UP.at(level)[:30]
        ]
        assert np.min(shares) > 0.97


def test_stand_ins_where_only_micro_grids_are_asked_for(tmp_path: Path) -> None:
    made = write_pmtiles(tmp_path / "one.pmtiles", TILES, ["micro_grid"], {}, max_zoom=12)
    drawn = [zoom for at in made.zooms.values() for zoom in at]
    assert drawn == sorted(set(drawn))
    assert list(made.zooms) == LEVELS


def test_the_same_hierarchy_gives_the_same_bytes_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    files = [tmp_path / "a.pmtiles", tmp_path / "b.pmtiles"]
    for file in files:
        told.clear()
        tiles = Tiles(MADE_UP)
        write_pmtiles(file, tiles, LEVELS, {}, max_zoom=11, told=lambda *at: told.append(at))
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [done for done, _ in told] == list(range(1, told[0][1] + 1))
    assert {total for _, total in told} == {sum(len(addresses(TILES.bounds, zoom)) for zoom in range(12))}


def test_nothing_is_left_behind_where_it_fails(tmp_path: Path) -> None:
    file = tmp_path / "town.pmtiles"
    with pytest.raises(UnknownLevel):
        write_pmtiles(file, TILES, ["block"], {})
    with pytest.raises(ValueError, match="a zoom from 0 to 16"):
        write_pmtiles(file, TILES, LEVELS, {}, max_zoom=17)
    with pytest.raises(ValueError, match="no grid is wide enough"):
        write_pmtiles(file, Tiles(one_level([tile(0, 0).buffer(-0.0049)])), ["ward"], {}, max_zoom=2)
    assert list(tmp_path.iterdir()) == []
    file.write_text("the archive of before")
    with pytest.raises(UnknownLevel):
        write_pmtiles(file, TILES, ["block"], {})
    assert file.read_text() == "the archive of before"
