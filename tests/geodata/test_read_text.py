"""A Shapefile's text is decoded by what states its encoding, and by nothing else; what does not decode is told."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.errors import BadText, MissingColumn
from geodata.features import read_features
from geodata.shapefile_text import AS_BYTES, Encoding, decoded, encoding_of
from tests.geodata.drawings import tile

NAMES = ["宝安区", "新安街道"]


def shapefile(
    folder: Path, encoding: str, cpg: str | None, language: int = 0, names: list[str] = NAMES
) -> Path:
    """Two grids with Chinese names in a Chinese column, as bytes of `encoding`; `cpg` is what states it."""
    frame = geopandas.GeoDataFrame(
        {"名称": names, "code": ["1", "2"]}, geometry=[tile(0, 0), tile(1, 0)], crs=4326
    )
    frame.to_file(folder / "grids.shp", encoding=encoding)
    (folder / "grids.cpg").unlink()
    if cpg is not None:
        (folder / "grids.cpg").write_text(cpg)
    dbf = bytearray((folder / "grids.dbf").read_bytes())
    dbf[29] = language
    (folder / "grids.dbf").write_bytes(dbf)
    return folder / "grids.shp"


@pytest.mark.parametrize(
    ("encoding", "cpg", "language", "told"),
    [
        ("GBK", "GBK", 0, None),
        ("GBK", "GB2312\n", 0, None),
        ("GBK", "936", 0, None),
        ("GBK", "CP936", 0, None),
        ("GBK", "ANSI 936", 0, None),
        ("GBK", None, 0x4D, None),
        ("GBK", None, 0, "GBK"),
        ("GBK", "UTF-8", 0, "gbk"),
        ("GB18030", "GB18030", 0, None),
        ("UTF-8", "UTF-8", 0, None),
        ("UTF-8", "65001", 0, None),
        ("UTF-8", None, 0, None),
        ("UTF-8", None, 0x57, None),
    ],
)
def test_text_is_read_by_whatever_states_its_encoding(
    tmp_path: Path, encoding: str, cpg: str | None, language: int, told: str | None
) -> None:
    """The city's file before the .cpg, that before the .dbf; of what states none, UTF-8 shows itself."""
    file = shapefile(tmp_path, encoding, cpg, language)
    assert read_features(file, encoding=told).column("名称") == NAMES


@pytest.mark.parametrize(("cpg", "language"), [("BIG5", 0), ("950", 0), (None, 0x4F)])
def test_text_of_taiwan_and_hong_kong_is_read(tmp_path: Path, cpg: str | None, language: int) -> None:
    file = shapefile(tmp_path, "UTF-8", cpg, language, ["寶安區", "新安街道"])
    dbf = (tmp_path / "grids.dbf").read_bytes()
    for name in ("寶安區", "新安街道", "名称"):
        old, new = name.encode("UTF-8"), name.replace("称", "稱").encode("big5")
        dbf = dbf.replace(old, new.ljust(len(old), b"\0" if name == "名称" else b" "))
    (tmp_path / "grids.dbf").write_bytes(dbf)
    assert read_features(file).column("名稱") == ["寶安區", "新安街道"]


def test_without_a_statement_it_is_refused_with_what_it_looks_like(tmp_path: Path) -> None:
    features = read_features(shapefile(tmp_path, "GBK", None))
    with pytest.raises(BadText) as caught:
        features.column("名称")
    for part in (
        "C3 FB B3 C6",
        "nothing says in which encoding",
        "in GBK it reads '名称'",
        'encoding = "GBK"',
    ):
        assert part in caught.value.message
    assert features.column("code") == ["1", "2"], "whoever asks for other columns never hears of it"


def test_in_the_wrong_encoding_it_is_refused_naming_who_said_so(tmp_path: Path) -> None:
    features = read_features(shapefile(tmp_path, "GBK", "UTF-8"))
    with pytest.raises(BadText, match=r"no UTF-8, as its \.cpg \(UTF-8\) says; in GBK it reads '名称'"):
        features.column("名称")
    features = read_features(shapefile(tmp_path, "GBK", None), encoding="UTF-8")
    with pytest.raises(BadText, match="no UTF-8, as the city's file says"):
        features.column("名称")


def test_a_text_cut_within_a_character_says_so(tmp_path: Path) -> None:
    file = shapefile(tmp_path, "GBK", "GBK")
    dbf = (tmp_path / "grids.dbf").read_bytes()
    (tmp_path / "grids.dbf").write_bytes(
        dbf.replace("宝安区".encode("gbk"), "宝安区".encode("gbk")[:-1] + b" ")
    )
    with pytest.raises(BadText, match=r"feature 1 is .*ends within a character of GB18030.*: '宝安'"):
        read_features(file).column("名称")


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadText, match=r'encoding = "GKB" in the city\'s file is no known one; write e.g. "GBK"'
    ):
        read_features(shapefile(tmp_path, "GBK", None), encoding="GKB")


def test_a_column_name_longer_than_ten_bytes_is_what_is_left_of_it(tmp_path: Path) -> None:
    """Six characters are twelve bytes of GBK, of which a .dbf keeps ten; of UTF-8 it keeps three characters."""
    frame = geopandas.GeoDataFrame({"微网格的编码": ["1"]}, geometry=[tile(0, 0)], crs=4326)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer says that it cuts the name
        frame.to_file(tmp_path / "g.shp", encoding="GBK")
        frame.to_file(tmp_path / "u.shp", encoding="UTF-8")
    with pytest.raises(MissingColumn, match="it has: 微网格的编"):
        read_features(tmp_path / "g.shp").column("微网格的编码")
    assert read_features(tmp_path / "u.shp").column("微网格") == ["1"]


def test_geojson_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    text = '{"type":"Feature","properties":{"n":"宝安"},"geometry":{"type":"Point","coordinates":[1,2]}}'
    (tmp_path / "g.geojson").write_bytes(text.encode("gbk"))
    with pytest.raises(BadText, match=r'its text is not utf-8.* e\.g\. encoding = "GBK"'):
        read_features(tmp_path / "g.geojson")


@given(st.binary(min_size=1, max_size=40))
def test_any_bytes_are_either_decoded_or_told_and_never_changed(blob: bytes) -> None:
    """Text that comes out gives the same bytes back in the encoding stated for it."""
    column = np.array([blob.decode(AS_BYTES)], dtype=object)
    for codec in ("utf-8", "gb18030", "cp950", None):
        found = decoded({"n": column}, Encoding(codec, "a test"), "g.shp")["n"]
        if not isinstance(found, BadText):
            assert found[0].encode(codec or "utf-8") == blob


def test_who_states_it_is_named(tmp_path: Path) -> None:
    assert encoding_of(shapefile(tmp_path, "GBK", "936"), None, "g") == Encoding("gb18030", "its .cpg (936)")
    dbf = encoding_of(shapefile(tmp_path, "GBK", None, 0x4D), None, "g")
    assert dbf == Encoding("gb18030", "its .dbf (language 0x4D)")
    assert encoding_of(shapefile(tmp_path, "GBK", "nonsense"), None, "g").codec is None
