"""`gridgov grids export` and `grids tiles`: an edition given back as files for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geodata.mercator import MAX_ZOOM
from geodata.pmtiles import USUAL_ZOOM, Archive, write_pmtiles
from geodata.publish import feature_collection
from geodata.simplify import MOST_METRES, simplified
from geodata.tiles import Tiles
from geodata.write import Format, write
from gridgov.cli.grids import grids
from gridgov.cli.output import AsJson, print_json, progress, say
from gridgov.cli.reading import atlas_in, reader_of, settings_of
from gridgov.errors import BadInput
from gridgov.in_force import Atlas

Edition = Annotated[
    int | None, typer.Option(help="An edition's number, past or to come.", show_default="the one in force")
]


def register(_: typer.Typer) -> None:
    """The commands stand in the group `grids`: importing this module put them there."""


@grids.command()
def export(
    context: typer.Context,
    level: Annotated[str, typer.Argument(help="Key of a level, such as street.")],
    under: Annotated[
        str | None, typer.Option(help="Only within this grid: its path, codes joined by /.")
    ] = None,
    simplify: Annotated[
        float | None,
        typer.Option(
            "--simplified",
            metavar="METRES",
            help="Leave points out of borders, which move by about so many metres at most; what was shared "
            "stays shared.",
        ),
    ] = None,
    edition: Edition = None,
    format: Annotated[  # noqa: A002  the word users have for it
        Format | None, typer.Option(help="Format of the file.", show_default="the one of its name")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .geojson, .gpkg, .fgb, .shp, .shp.zip or .parquet; left out, GeoJSON on "
            "standard output.",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Write the grids of one level, as GeoJSON or in a format for GIS programs."""
    hierarchy = _atlas(context, edition).hierarchy
    path = tuple(under.split("/")) if under else ()
    if simplify is not None:
        if not 0 < simplify <= MOST_METRES:
            raise BadInput(
                f"--simplified takes metres above 0 and at most {MOST_METRES:,.0f}, not {simplify}"
            )
        hierarchy = simplified(hierarchy, level, simplify)
    if output is not None:
        many = write(output, hierarchy, level, path, format)
        say(f"{output}: {many:,} grids of level {level}")
    elif format in (None, Format.geojson):
        text = feature_collection(hierarchy, level, path)
        sys.stdout.buffer.write(text + b"\n")
    else:
        raise BadInput(f"{format} goes into a file: name one with --output")


@grids.command()
def tiles(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(metavar="OUT.pmtiles", help="File to write.", dir_okay=False)],
    levels: Annotated[
        str | None, typer.Option(help="Keys of levels, joined by commas.", show_default="all")
    ] = None,
    max_zoom: Annotated[
        int, typer.Option(min=0, max=MAX_ZOOM, help="Greatest zoom drawn; maps enlarge it from there on.")
    ] = USUAL_ZOOM,
    edition: Edition = None,
    as_json: AsJson = False,
) -> None:
    """Write vector tiles for maps without a network, as one PMTiles file. 离线地图

    Each level is drawn from the zoom on at which its grids can be told apart.
    """
    atlas = _atlas(context, edition)
    wanted = levels.split(",") if levels else [level.key for level in atlas.hierarchy.levels]
    about = {"name": atlas.name, "description": _described(atlas), "version": f"{atlas.edition}.0.0"}
    with progress(f"drawing {output.name}") as told:
        try:
            made = write_pmtiles(output, Tiles(atlas.hierarchy), wanted, about, max_zoom=max_zoom, told=told)
        except ValueError as refused:
            raise BadInput(str(refused)) from refused
    _tell(output, made, as_json)


def _tell(output: Path, made: Archive, as_json: bool) -> None:
    if as_json:
        zooms = {key: [drawn[0], drawn[-1]] for key, drawn in made.zooms.items()}
        print_json({"file": str(output), "tiles": made.tiles, "bytes": made.size, "zooms": zooms})
        return
    say(f"{output}: {made.tiles:,} tiles, {made.size / 1e6:,.1f} MB")
    for key, drawn in made.zooms.items():
        say(f"{key}: zoom {drawn[0]} to {drawn[-1]}")


def _described(atlas: Atlas) -> str:
    return f"edition {atlas.edition}{', made up 虚构' if atlas.made_up else ''}"


def _atlas(context: typer.Context, edition: int | None) -> Atlas:
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        return atlas_in(connection, edition)
