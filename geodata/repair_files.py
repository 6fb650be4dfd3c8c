"""A repair as files: the polygons in a GeoPackage, what was done to them, and a city's file that names it.

    grids.gpkg      a layer a level that was drawn, with the columns as they were, in EPSG:4326 CITY.toml
    the city's file, its table [grids] pointing at grids.gpkg and otherwise as it was repair.json     all
    that moved and all that stays; every grid's m² before and after; findings before and after repair.txt
    the same in short, for people moved.geojson   the ground that moved and that stays, to be laid over a map

The files that were read are not touched.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, Final

import geopandas
import orjson
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from geodata.drawing import Drawing
from geodata.errors import BadText, UnwritableFile
from geodata.features import Features, read_features
from geodata.grids import Level
from geodata.grids_table import ORIGIN, LevelSource, LowestSource, plan
from geodata.repair import Repair
from geodata.repair_report import feature_collection, readable, summary

GRIDS: Final = "grids.gpkg"
JSON: Final = "repair.json"
TEXT: Final = "repair.txt"
MOVED: Final = "moved.geojson"
_HEADER: Final = re.compile(r"^[ \t]*\[\[?[ \t]*([\w.\- \t]+?)[ \t]*\]\]?[ \t]*(?:#.*)?\n", re.MULTILINE)
_ORIGIN: Final = re.compile(
    rf"^[ \t]*(?:{'|'.join(ORIGIN)})[ \t]*=[ \t]*(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|[^\n]*)(?:\n|\Z)",
    re.MULTILINE,
)


def require_free(out: Path, name: str) -> None:
    """Raise UnwritableFile where one of the files above is in `out` already; nothing is written over."""
    for file in (GRIDS, name, JSON, TEXT, MOVED):
        if (out / file).exists():
            raise UnwritableFile(out / file, "it is there already; name another folder, or take it away")


def write_repair(done: Repair, city: str, name: str, folder: Path, out: Path) -> list[Path]:
    """Write the files above into `out`; returns them in that order.

    `city` is the text of the city's file, `name` what to call its copy, `folder` where its polygon files are.
    Raises UnwritableFile, and whatever reading those files raises.
    """
    require_free(out, name)
    out.mkdir(parents=True, exist_ok=True)
    for number, level, features in _sources(tomllib.loads(city)["grids"], folder):
        _write_layer(out / GRIDS, level.key, features, done.drawing, number)
    texts = {
        name: pointed_at(city, GRIDS).encode(),
        JSON: orjson.dumps(summary(done), option=orjson.OPT_INDENT_2),
        TEXT: readable(done).encode(),
        MOVED: feature_collection(done),
    }
    for file, content in texts.items():
        (out / file).write_bytes(content)
    return [out / GRIDS, *(out / file for file in texts)]


def _sources(section: Mapping[str, Any], folder: Path) -> Iterator[tuple[int, Level, Features]]:
    """(number, level, features) of each source that the table [grids] names."""
    wanted = plan(section, folder).sources
    if isinstance(wanted, LowestSource):
        yield len(wanted.columns) - 1, wanted.columns[-1].level, _features(wanted)
        return
    for number, source in enumerate(wanted):
        yield number, source.level, _features(source)


def _features(source: LowestSource | LevelSource) -> Features:
    return read_features(
        source.path,
        source.layer,
        source.crs,
        source.encoding,
        near=source.near,
        swap_axes=source.swap_axes,
    )


def _write_layer(file: Path, layer: str, features: Features, drawing: Drawing, number: int) -> None:
    """One level: the columns of its source as text, which is how they are read, and the polygons repaired."""
    shapes = [one.geometry for one in drawing.at(number)]
    if len(shapes) != len(features.geometries):
        raise UnwritableFile(file, f"{features.source.file} changed while it was repaired: do it again")
    columns = {
        name: features.column(name)
        for name, cells in features.columns.items()
        if not isinstance(cells, BadText)
    }
    frame = geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")
    areas = all(shape is None or shape.geom_type in ("Polygon", "MultiPolygon") for shape in shapes)
    try:
        frame.to_file(
            file,
            layer=layer,
            driver="GPKG",
            mode="a" if file.exists() else "w",
            geometry_type="MultiPolygon" if areas else "Unknown",
            promote_to_multi=areas,
            layer_options={"FID": _free("fid", columns), "GEOMETRY_NAME": _free("geom", columns)},
        )
    except (DataSourceError, DataLayerError, shapely.errors.ShapelyError) as error:
        raise UnwritableFile(file, str(error)) from error


def _free(name: str, columns: Iterable[str]) -> str:
    """A name that no column has; SQLite tells capitals and small letters not apart."""
    taken = {column.lower() for column in columns}
    while name in taken:
        name += "_"
    return name


def pointed_at(city: str, file: str) -> str:
    """The text of a city's file with its table [grids] reading from a GeoPackage with a layer a level.

    Comments and all else stay. Only where the table is written in a way that is not seen through here, such
    as on one line, the whole is written anew, without its comments.
    """
    before = tomllib.loads(city)
    after = copy.deepcopy(before)
    one_source = any(name in before["grids"] for name in ("file", "postgis"))
    places = [after["grids"]] if one_source else after["grids"]["levels"]
    keys = [level["key"] for level in before["grids"]["levels"]]
    layers = keys[-1:] if one_source else keys
    for place, layer in zip(places, layers, strict=True):
        for name in ORIGIN:
            place.pop(name, None)
        place |= {"file": file, "layer": layer}
    edited = _edited(city, "grids" if one_source else "grids.levels", file, layers)
    if _says(edited, after):
        return edited
    return "".join(f"{_toml(name)} = {_toml(value)}\n" for name, value in after.items())


def _says(text: str, meant: Mapping[str, object]) -> bool:
    try:
        return tomllib.loads(text) == meant
    except tomllib.TOMLDecodeError:
        return False


def _edited(city: str, table: str, file: str, layers: Sequence[str]) -> str:
    """The text with the lines about where polygons are taken out of every such table, and new ones put in."""
    text, at, seen = [], 0, 0
    headers = list(_HEADER.finditer(city))
    for header, following in zip(headers, [*headers, None][1:], strict=True):
        if re.sub(r"\s", "", header[1]) != table:
            continue
        end = len(city) if following is None else following.start()
        origin = f"file = {_toml(file)}\nlayer = {_toml(layers[min(seen, len(layers) - 1)])}\n"
        text += [city[at : header.end()], origin, _ORIGIN.sub("", city[header.end() : end])]
        at, seen = end, seen + 1
    return "".join([*text, city[at:]])


def _toml(value: object) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, date | time) else str(value)
