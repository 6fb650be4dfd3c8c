"""Which layer of which file is read is never guessed; what is missing or not there is told with what there is."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterable
from pathlib import Path

import geopandas
import pyogrio
import pytest
import shapely

from geodata import vector_files
from geodata.errors import ChooseLayer, UnknownLayer, UnreadableFile
from geodata.features import read_features
from tests.geodata.drawings import tile

FRAME = geopandas.GeoDataFrame({"code": ["1", "2"]}, geometry=[tile(0, 0), tile(1, 0)], crs=4326)
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def shapefile(folder: Path, stem: str = "grids") -> list[Path]:
    """A Shapefile; returns its files."""
    folder.mkdir(exist_ok=True)
    FRAME.to_file(folder / f"{stem}.shp", encoding="UTF-8")
    return [folder / f"{stem}{suffix}" for suffix in PARTS]


def packed(file: Path, members: Iterable[tuple[str, Path]]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, path in members:
            archive.write(path, name)
    return file


def two_layers(file: Path) -> Path:
    FRAME.to_file(file, layer="grids")
    FRAME.iloc[:1].to_file(file, layer="streets")
    return file


def test_a_geopackage_of_several_layers_needs_to_be_told_which(tmp_path: Path) -> None:
    file = two_layers(tmp_path / "city.gpkg")
    with pytest.raises(
        ChooseLayer, match=r'it holds 2 layers: grids, streets\. .* layer = "grids"'
    ) as caught:
        read_features(file)
    assert caught.value.layers == ("grids", "streets")
    assert len(read_features(file, "streets").geometries) == 1


def test_a_layer_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownLayer, match=r"no layer 'street'; its layers are: grids, streets\. Did you mean 'str"
    ):
        read_features(two_layers(tmp_path / "city.gpkg"), "street")


def test_tables_without_geometry_are_no_layers_to_choose_from(tmp_path: Path) -> None:
    """QGIS keeps its styles in a table of their own."""
    file = tmp_path / "city.gpkg"
    FRAME.to_file(file, layer="grids")
    pyogrio.write_dataframe(FRAME[["code"]], file, layer="layer_styles", append=False)
    assert len(read_features(file).geometries) == 2


@pytest.mark.parametrize("inner", ["", "成果/", "a/b/"])
def test_a_zip_is_looked_through_wherever_its_files_lie(tmp_path: Path, inner: str) -> None:
    parts = shapefile(tmp_path / "shp")
    other = tmp_path / "说明.txt"
    other.write_text("x")
    file = packed(tmp_path / "g.zip", [*((inner + part.name, part) for part in parts), ("说明.txt", other)])
    features = read_features(file)
    assert features.column("code") == ["1", "2"]
    assert shapely.equals(features.geometries, FRAME.geometry.values).all()
    assert features.source.file == "g.zip"


class _InGbk(zipfile.ZipInfo):
    """A member as zip programs of a Chinese Windows write it: its name in GBK, and nothing that says so."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def test_names_in_capitals_and_in_gbk_are_read(tmp_path: Path) -> None:
    """Python takes names that say nothing for DOS text."""
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for part in shapefile(tmp_path / "shp"):
            archive.writestr(_InGbk(f"成果/网格{part.suffix.upper()}"), part.read_bytes())
    with zipfile.ZipFile(tmp_path / "g.zip") as archive:
        assert not any(member.filename.startswith("成果") for member in archive.infolist())
    assert read_features(tmp_path / "g.zip", "网格").column("code") == ["1", "2"]


def test_a_zip_of_several_layers_needs_to_be_told_which(tmp_path: Path) -> None:
    members = [(f"{stem}.geojson", tmp_path / f"{stem}.geojson") for stem in ("grids", "streets")]
    for _, path in members:
        FRAME.to_file(path)
    file = packed(tmp_path / "g.zip", members)
    with pytest.raises(ChooseLayer, match="holds 2 layers: grids, streets"):
        read_features(file)
    assert len(read_features(file, "streets").geometries) == 2


def test_two_layers_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "grids.geojson")
    file = packed(tmp_path / "g.zip", [(f"{at}/grids.geojson", tmp_path / "grids.geojson") for at in (1, 2)])
    with pytest.raises(UnreadableFile, match="2 layers called 'grids'; unpack it and name one file"):
        read_features(file, "grids")


def test_a_zip_without_a_map_lists_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UnreadableFile, match=r"no map in it, but: a\.txt\. Expected one of: GeoPackage"):
        read_features(packed(tmp_path / "g.zip", [("a.txt", tmp_path / "a.txt")]))


def test_what_is_no_zip_is_told(tmp_path: Path) -> None:
    (tmp_path / "g.zip").write_bytes(b"PK nothing")
    with pytest.raises(UnreadableFile, match="no whole zip file"):
        read_features(tmp_path / "g.zip")


def test_a_member_cannot_be_unpacked_outside(tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "g.geojson")
    file = packed(tmp_path / "deep.zip", [("../../escaped.geojson", tmp_path / "g.geojson")])
    assert len(read_features(file).geometries) == 2
    assert not (tmp_path.parent / "escaped.geojson").exists()


def test_a_geodatabase_is_read_as_a_folder_and_in_a_zip(tmp_path: Path) -> None:
    folder = tmp_path / "city.gdb"
    FRAME.to_file(folder, driver="OpenFileGDB", layer="grids")
    assert read_features(folder).column("code") == ["1", "2"]
    file = packed(tmp_path / "g.zip", [(f"city.gdb/{part.name}", part) for part in folder.iterdir()])
    assert read_features(file).column("code") == ["1", "2"]


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_a_shapefile_without_its_other_files_says_which(tmp_path: Path, suffix: str) -> None:
    parts = shapefile(tmp_path / "shp")
    (tmp_path / "shp" / f"grids{suffix}").unlink()
    with pytest.raises(
        UnreadableFile, match=rf"its \{suffix} is not beside it\. A Shapefile is several files"
    ):
        read_features(parts[0])


def test_a_part_of_a_shapefile_names_the_whole(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"a part of a Shapefile; name 'grids\.shp'"):
        read_features(shapefile(tmp_path / "shp")[2])


def test_a_missing_file_names_one_that_is_called_so(tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "grids.gpkg")
    with pytest.raises(UnreadableFile, match=r"no such file\. Did you mean 'grids\.gpkg'\?"):
        read_features(tmp_path / "grid.gpkg")
    with pytest.raises(UnreadableFile, match="There is no folder"):
        read_features(tmp_path / "nowhere" / "grid.gpkg")


def test_rings_that_are_not_closed_are_closed_and_told(tmp_path: Path) -> None:
    open_ring = "[[10,50],[10.01,50],[10.01,50.01],[10,50.01]]"
    (tmp_path / "g.geojson").write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"1"},'
        f'"geometry":{{"type":"Polygon","coordinates":[{open_ring}]}}}}]}}'
    )
    features = read_features(tmp_path / "g.geojson")
    assert features.geometries[0].equals(tile(0, 0))
    assert features.source.remarks[-1] == (
        "rings of 1 polygons (features 1) are not closed; they are closed here"
    )


def test_what_gdal_has_to_say_is_kept(tmp_path: Path) -> None:
    """A GeoPackage under another name than the format asks for."""
    FRAME.to_file(tmp_path / "city.gpkg")
    (tmp_path / "city.gpkg").rename(tmp_path / "city.sqlite")
    (remark,) = read_features(tmp_path / "city.sqlite").source.remarks
    assert "extension" in remark


@pytest.mark.parametrize(
    "text",
    [
        '<OGRVRTDataSource><OGRVRTLayer name="own"><SrcDataSource>{own}</SrcDataSource></OGRVRTLayer>',
        "<OGRWFSDataSource><URL>http://127.0.0.1:9/wfs</URL></OGRWFSDataSource>",
        '{{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read {own} ! write --of=stream x"}}',
    ],
)
@pytest.mark.parametrize("kind", ["geojson", "geojson.gz", "zip"])
def test_a_file_that_refers_to_others_opens_none_of_them(tmp_path: Path, text: str, kind: str) -> None:
    own = tmp_path / "own.geojson"
    FRAME.to_file(own)
    sent = (tmp_path / "sent.geojson", tmp_path / "sent.geojson.gz", tmp_path / "sent.zip")
    sent[0].write_text(text.format(own=own))
    sent[1].write_bytes(gzip.compress(sent[0].read_bytes()))
    packed(sent[2], [("sent.geojson", sent[0])])
    with pytest.raises(UnreadableFile, match="refers to other files or addresses"):
        read_features(tmp_path / f"sent.{kind}")


def test_a_zip_that_would_fill_the_disk_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "MOST_UNPACKED", 1_000_000)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("grids.geojson", b" " * 1_000_001)
    with pytest.raises(UnreadableFile, match="unpacked it comes to 1,000,001 bytes"):
        read_features(bomb)


def test_a_damaged_member_of_a_zip_is_told(tmp_path: Path) -> None:
    file = tmp_path / "grids.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("grids.geojson", b"0123456789" * 100)
    content = bytearray(file.read_bytes())
    content[45:55] = b"\xff" * 10
    file.write_bytes(content)
    with pytest.raises(UnreadableFile, match="no whole zip file"):
        read_features(file)


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "grids.geojson.gz"
    file.write_bytes(b"no gzip at all")
    with pytest.raises(UnreadableFile, match="no whole gzip file"):
        read_features(file)
