"""`gridgov grids export`: the grids in force, given back as a file for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geodata.publish import feature_collection
from gridgov.cli.grids import grids
from gridgov.cli.reading import in_force_of, path_of, reader_of, settings_of


def register(_: typer.Typer) -> None:
    """The commands stand in the group `grids` already; importing this module put them there."""


@grids.command()
def export(
    context: typer.Context,
    level: Annotated[str, typer.Argument(help="Key of a level, such as street.")],
    under: Annotated[
        str | None, typer.Option(help="Only within this grid: its path, codes joined by /.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; left out, standard output.", dir_okay=False),
    ] = None,
) -> None:
    """Write the grids in force of one level as GeoJSON."""
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
    text = feature_collection(in_force.atlas.hierarchy, level, path_of(under, in_force))
    if output is None:
        sys.stdout.buffer.write(text + b"\n")
    else:
        output.write_bytes(text + b"\n")
