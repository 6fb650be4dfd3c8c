"""Polygon files as GDAL reads them: which layer, out of which zip; nothing is passed over in silence."""

from __future__ import annotations

import gzip
import shutil
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

import pyogrio

from geodata.beginnings import cut_short, told_by_content
from geodata.errors import BadText, ChooseLayer, UnknownLayer, UnreadableFile
from geodata.raw import Raw
from geodata.rings import closed, sorted_out
from geodata.shapefile_text import AS_BYTES, decoded, encoding_of

KINDS: Final = (
    "GeoPackage (.gpkg), GeoJSON (.geojson), Shapefile (.shp with its .shx, .dbf and .prj, best as one "
    ".zip), FlatGeobuf (.fgb), GeoParquet (.parquet), file geodatabase (.gdb)"
)
"""What a message offers; GDAL reads more."""
BESIDE_SHP: Final = (".shx", ".dbf", ".prj", ".cpg")
MAPS: Final = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".gml", ".kml", ".tab", ".mif")
"""What is looked for in a zip."""
MOST_UNPACKED: Final = 8 << 30
"""Bytes that a zip may come to: a district's survey has some hundred megabytes, a Shapefile 2 GB at most."""
REFERRING: Final = (
    b"<OGRVRT",
    b"<OGRWFSDataSource",
    b"<OGRCSWDataSource",
    b"WFS_Capabilities",
    b"gdal_streamed_alg",
)
"""What stands at the head of files that hold no polygons but say where there are some: GDAL would open any
file of this machine for them, or ask the network."""
_HEAD: Final = 1 << 16
"""GDAL tells what a file is by less than this."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer to be read: what it is called, where GDAL finds it, and what messages call its file."""

    name: str
    address: Path
    inner: str
    shown: str


def read_file(path: Path, layer: str | None, encoding: str | None) -> Raw:
    """Read one layer of a file, also gzipped (.gz) or in a .zip; `encoding` is that of a Shapefile's text.

    A file of one layer needs no `layer`. Raises UnreadableFile, and its kinds ChooseLayer, UnknownLayer and
    BadText.
    """
    if not path.exists():
        raise UnreadableFile(path, f"there is no such file.{_beside(path)}")
    with warnings.catch_warnings(record=True) as said, _files(path) as files:
        warnings.simplefilter("always", RuntimeWarning)  # as which pyogrio hands on what GDAL says
        layers = [one for file, shown in files for one in _layers(file, shown)]
        raw = _read(_chosen(path, layers, layer), encoding)
    return replace(raw, remarks=(*dict.fromkeys(str(one.message) for one in said), *raw.remarks))


def _beside(path: Path) -> str:
    """What a folder has that is called nearly so."""
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either"
    names = [one.name for one in path.parent.iterdir()]
    close = get_close_matches(path.name, names, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


@contextmanager
def _files(path: Path) -> Iterator[list[tuple[Path, str]]]:
    """The files to be read and what messages call them; those of a zip are unpacked for as long as needed."""
    if path.suffix.lower() != ".zip":
        if path.suffix.lower() in BESIDE_SHP:
            raise UnreadableFile(path, f"it is a part of a Shapefile; name {path.with_suffix('.shp').name!r}")
        yield [(path, str(path))]
        return
    with TemporaryDirectory(prefix="gridgov-") as folder:
        yield _unpacked(path, Path(folder))


def _unpacked(path: Path, folder: Path) -> list[tuple[Path, str]]:
    """Every map of a zip, unpacked under names of our own: those within may be in any encoding."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename
            ]
            if any(one.flag_bits & 1 for one in members):
                raise UnreadableFile(path, "it is locked with a password; unpack it, or ask for it without")
            if (size := sum(one.file_size for one in members)) > MOST_UNPACKED:
                raise UnreadableFile(
                    path, f"unpacked it comes to {size:,} bytes, and {MOST_UNPACKED:,} are taken; unpack it"
                )
            names = {one: _name(one) for one in members}
            for one, name in names.items():
                target = folder / _place(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(one) as packed, target.open("wb") as out:
                    shutil.copyfileobj(packed, out)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise UnreadableFile(path, f"it is no whole zip file: {error}") from error
    found = {_map_of(PurePosixPath(name)): name for name in sorted(names.values())}
    maps = [(folder / _place(one), f"{path} ({one})") for one in map(str, filter(None, found))]
    if not maps:
        listed = ", ".join(sorted(names.values())[:10]) or "nothing"
        raise UnreadableFile(path, f"there is no map in it, but: {listed}. Expected one of: {KINDS}")
    return maps


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name; zip programs in China write GBK without saying so, which Python takes for DOS text."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _place(name: str) -> Path:
    """Where a member is unpacked: never outside the folder, suffixes in small letters as GDAL wants them."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    last = PurePosixPath(parts[-1]) if parts else PurePosixPath("_")
    return Path(*parts[:-1], last.stem + last.suffix.lower())


def _map_of(name: PurePosixPath) -> PurePosixPath | None:
    """The map that a member is, or is a part of: a geodatabase is a folder."""
    for folder in name.parents:
        if folder.suffix.lower() == ".gdb":
            return folder
    return name if name.suffix.lower() in MAPS else None


def _layers(file: Path, shown: str) -> list[_Layer]:
    """The layers of one file that have geometry; tables without any, such as QGIS's styles, are no maps."""
    if file.suffix.lower() == ".shp":
        for suffix in (".shx", ".dbf"):
            if not (file.with_suffix(suffix).exists() or file.with_suffix(suffix.upper()).exists()):
                raise UnreadableFile(
                    shown,
                    f"its {suffix} is not beside it. A Shapefile is several files of one name: "
                    ".shp, .shx, .dbf, .prj; ask for all of them, best as one zip",
                )
    _require_own(file, shown)
    try:
        listed = pyogrio.list_layers(_address(file)).tolist()
    except pyogrio.errors.DataSourceError as error:
        raise UnreadableFile(
            shown, f"{told_by_content(file) or _plain(error)}. Expected one of: {KINDS}"
        ) from error
    alone = len(listed) == 1
    return [
        _Layer(_stem(file) if alone else name, file, name, shown)
        for name, geometry in listed
        if geometry is not None or alone
    ]


def _require_own(file: Path, shown: str) -> None:
    """Raise UnreadableFile where a file only refers to others: whoever sent it chooses which are opened."""
    if not file.is_file():
        return
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as content:
            head = content.read(_HEAD)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(shown, f"it is no whole gzip file: {error}") from error
    if any(mark in head for mark in REFERRING):
        raise UnreadableFile(
            shown,
            "it holds no polygons, but refers to other files or addresses (a GDAL virtual file, or the "
            "description of a service). Name the file that holds them",
        )


def _stem(file: Path) -> str:
    return Path(file.stem).stem if file.suffix.lower() == ".gz" else file.stem


def _address(file: Path) -> str:
    """What GDAL calls the file; it looks into .gz by itself when told so."""
    return f"/vsigzip/{file.resolve()}" if file.suffix.lower() == ".gz" else str(file.resolve())


def _chosen(path: Path, layers: Sequence[_Layer], wanted: str | None) -> _Layer:
    if not layers:
        raise UnreadableFile(path, "it holds tables, but none with a geometry")
    if wanted is None:
        if len(layers) > 1:
            raise ChooseLayer(path, [one.name for one in layers])
        return layers[0]
    found = [one for one in layers if wanted in (one.name, one.inner)]
    if not found:
        raise UnknownLayer(path, wanted, [one.name for one in layers])
    if len(found) > 1:
        raise UnreadableFile(
            path, f"it holds {len(found)} layers called {wanted!r}; unpack it and name one file"
        )
    return found[0]


def _read(layer: _Layer, encoding: str | None) -> Raw:
    is_shapefile = layer.address.suffix.lower() == ".shp"
    stated = encoding_of(layer.address, encoding, layer.shown) if is_shapefile else None
    try:
        meta, _, blobs, values = pyogrio.raw.read(
            _address(layer.address), layer=layer.inner, encoding=AS_BYTES if is_shapefile else encoding
        )
    except (UnicodeDecodeError, LookupError) as error:
        raise BadText(
            layer.shown,
            f"its text is not {error.encoding if isinstance(error, UnicodeDecodeError) else encoding}. "
            'State the true encoding in the city\'s file, e.g. encoding = "GBK", or export it as UTF-8',
        ) from error
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise UnreadableFile(layer.shown, _plain(error)) from error
    if blobs is None:
        raise UnreadableFile(layer.shown, f"it is a table without polygons. Expected one of: {KINDS}")
    if is_shapefile and any(blob is None for blob in blobs) and (cut := cut_short(layer.address)):
        raise UnreadableFile(layer.shown, cut)
    if all(blob is None for blob in blobs):
        raise UnreadableFile(layer.shown, "it has no features with a geometry")
    columns = dict(zip(meta["fields"].tolist(), values, strict=True))
    geometries, remarks = closed(blobs)
    if stated is None:
        return Raw(geometries, columns, meta["crs"], remarks)
    geometries, more = sorted_out(geometries)
    return Raw(geometries, decoded(columns, stated, layer.shown), meta["crs"], (*remarks, *more))


def _plain(error: Exception) -> str:
    """What GDAL says, without its advice for people who program with it, and its own names of the file."""
    text = str(error).split("; It might help")[0].rstrip(". ")
    if "disk image is malformed" in text:
        return "the database that it is (GeoPackage) is damaged or cut short: send it again"
    return "it is of no kind that is known here" if "not recognized as being" in text else text
