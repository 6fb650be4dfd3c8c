"""A saved index gives the answers that it gave before it was saved, or is refused: never a wrong answer, never a crash."""

import hashlib
import json
import os

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from geodata import saved_index
from geodata.errors import GeodataError, UnusableIndex
from geodata.grids import Hierarchy
from geodata.locate import Locator
from geodata.synthetic import district
from tests.geodata.drawings import one_level, tile

WARDS = one_level([tile(1, 0), tile(0, 0), tile(0, 2).difference(box(10.004, 50.024, 10.005, 50.025))])


@pytest.fixture
def file(tmp_path):
    Locator(WARDS).save(tmp_path / "made" / "wards.index")
    return tmp_path / "made" / "wards.index"


def forged(file, change_header=None, change_arrays=None):
    """The file with another header or other arrays, its sum made right again."""
    content = file.read_bytes()
    magic = len(saved_index.MAGIC)
    end = content.index(b"\n", magic) + 1
    header = json.loads(content[magic:end])
    sizes = [length * size for length, size in zip(header["lengths"], (8, 8, 8, 4, 4, 4, 4), strict=True)]
    cuts = [end + sum(sizes[:at]) for at in range(8)]
    arrays = [
        np.frombuffer(content[cut:after], kind).copy()
        for cut, after, kind in zip(cuts, cuts[1:], ("f8", "f8", "f8", "i4", "i4", "i4", "i4"), strict=False)
    ]
    for change, part in ((change_header, header), (change_arrays, arrays)):
        if change is not None:
            change(part)
    whole = saved_index.MAGIC + json.dumps(header).encode() + b"\n" + b"".join(a.tobytes() for a in arrays)
    file.write_bytes(whole + hashlib.sha256(whole).digest())


def refused(file, match=None, hierarchy=WARDS):
    with pytest.raises(UnusableIndex, match=match) as caught:
        Locator.load(hierarchy, file)
    assert isinstance(caught.value, GeodataError)
    assert str(file) in str(caught.value)


# --- the same answers ----------------------------------------------------------------------------------------


def test_a_loaded_locator_answers_as_the_one_that_was_saved(tmp_path):
    """For points inside, outside, on borders: number, path, distance, and the nearest grid of those outside."""
    made_up = district(3, [("1", "一"), ("2", "二")], communities=5, micro_grids=150, area_km2=9)
    built = Locator(made_up)
    built.save(tmp_path / "index")
    loaded = Locator.load(Hierarchy.from_rows(made_up.levels, made_up.to_rows()), tmp_path / "index")
    west, south, east, north = made_up.at(0)[0].geometry.bounds
    rng = np.random.default_rng(1)
    corners = shapely.get_coordinates([grid.geometry for grid in made_up.lowest])
    x = np.concatenate([rng.uniform(west - 0.01, east + 0.01, 5000), corners[:, 0]])
    y = np.concatenate([rng.uniform(south - 0.01, north + 0.01, 5000), corners[:, 1]])
    assert loaded.paths == built.paths
    assert loaded.index_bytes == built.index_bytes
    assert np.array_equal(loaded.index_many(x, y), built.index_many(x, y))
    for lon, lat in zip(x[4900:5100].tolist(), y[4900:5100].tolist(), strict=True):
        assert loaded.index(lon, lat) == built.index(lon, lat)
        assert loaded.locate(lon, lat) == built.locate(lon, lat)


def test_an_index_with_a_resolution_of_its_own_keeps_it(tmp_path):
    Locator(WARDS, cells=100 * 100).save(tmp_path / "fine")
    assert Locator.load(WARDS, tmp_path / "fine").index_bytes == Locator(WARDS, cells=100 * 100).index_bytes
    assert Locator.load(WARDS, tmp_path / "fine").index_bytes != Locator(WARDS).index_bytes


def test_the_same_grids_make_the_same_file(tmp_path):
    Locator(WARDS).save(tmp_path / "one")
    Locator(WARDS).save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_saving_again_replaces_the_file_whole_and_leaves_nothing_else(file):
    before = file.read_bytes()
    Locator(one_level([tile(0, 0)])).save(file)
    assert file.read_bytes() != before
    assert os.listdir(file.parent) == [file.name]
    refused(file, "built for other grids")


def test_a_save_that_fails_leaves_the_file_as_it_was(file, monkeypatch):
    before = file.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Locator(one_level([tile(0, 0)])).save(file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


# --- whatever is wrong with the file -------------------------------------------------------------------------


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    refused(tmp_path / "none", "No such file")
    refused(tmp_path, "directory")


@given(st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_anywhere(tmp_path_factory, share):
    file = tmp_path_factory.mktemp("cut") / "index"
    Locator(WARDS).save(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    refused(file)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_file_of_which_one_bit_was_changed(tmp_path_factory, share, bit):
    """Anywhere: in the header, in the arrays, in the sum itself."""
    file = tmp_path_factory.mktemp("changed") / "index"
    Locator(WARDS).save(file)
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] ^= 1 << bit
    file.write_bytes(content)
    refused(file)


def test_a_file_with_more_behind_it(file):
    file.write_bytes(file.read_bytes() + b"more")
    refused(file, "check sum")


@given(st.binary(max_size=300))
def test_any_other_file(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("other") / "index"
    for begin in (b"", saved_index.MAGIC, saved_index.MAGIC + b"{}\n", saved_index.MAGIC + b"[1]\n"):
        file.write_bytes(begin + content)
        refused(file)


def test_other_grids_are_told_apart_by_code_and_by_shape(file):
    shapes = [grid.geometry for grid in WARDS.lowest]
    refused(file, "built for other grids", one_level(shapes, ["000", "001", "003"]))
    moved = [shapely.affinity.translate(shapes[0], 1e-9), *shapes[1:]]
    refused(file, "built for other grids", one_level(moved))
    refused(file, "built for other grids", one_level(shapes[:2]))


def test_another_format(file):
    forged(file, lambda header: header.update(format=saved_index.FORMAT + 1))
    refused(file, f"format {saved_index.FORMAT + 1}, not {saved_index.FORMAT}")


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"frame": [0, 0, 1]},
        {"frame": [0, 0, float("nan"), 1]},
        {"frame": [10.0, 50.0, -1.0, 1.0]},
        {"frame": [11.0, 50.0, 1.0, 1.0]},
        {"frame": "here"},
        {"columns": 0},
        {"columns": -64},
        {"columns": 1.5},
        {"columns": 10**400},
        {"rows": True},
        {"lengths": []},
        {"lengths": [9, 3, 1, 1, 1]},
        {"lengths": None},
        {"lengths": {"first": 1}},
    ],
)
def test_a_header_that_was_tampered_with(file, change):
    forged(file, lambda header: header.update(change))
    refused(file)


@pytest.mark.parametrize("key", ["format", "digest", "frame", "columns", "rows", "lengths"])
def test_a_header_that_lacks_something(file, key):
    forged(file, lambda header: header.pop(key))
    refused(file, key)


def test_sizes_exchanged(file):
    def exchange(header):
        header["columns"], header["rows"] = header["columns"] * 2, header["rows"] // 2
        header["lengths"][4], header["lengths"][5] = header["lengths"][5], header["lengths"][4]

    forged(file, exchange)
    refused(file)


@pytest.mark.parametrize(
    ("array", "at", "value", "match"),
    [
        (0, 0, np.nan, "border lies nowhere"),
        (1, 0, -1.0, "border lies nowhere"),
        (2, 0, np.inf, "border lies nowhere"),
        (3, 0, 3, "not there"),
        (3, 0, -(2**31), "not there"),
        (4, 0, 1, "add up"),
        (4, -1, 2, "add up"),
        (4, 1, 2**30, "before it begins"),
        (5, 0, 3, "not there"),
        (5, 0, -4, "not there"),
        (6, 0, 2**20, "line that is not there"),
        (6, 0, 0, "wedge"),
    ],
)
def test_numbers_out_of_range_though_the_sum_is_right(file, array, at, value, match):
    def change(arrays):
        arrays[array][at] = value

    forged(file, change_arrays=change)
    refused(file, match)


def test_a_forgery_that_changes_nothing_is_read(file):
    """So the tests above are refused for what they change."""
    forged(file, lambda header: None, lambda arrays: None)
    assert Locator.load(WARDS, file).index(10.005, 50.005) == 1
