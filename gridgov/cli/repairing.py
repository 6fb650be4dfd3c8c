"""`gridgov grids repair`: slivers and gaps of a drawing closed under a tolerance, into files of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from geodata.check import accept, acceptances
from geodata.read import read
from geodata.repair import TOLERANCE_M, WIDEST_M, Repair, repair
from geodata.repair_files import MOVED, require_free, write_repair
from geodata.repair_report import readable, summary
from gridgov.cli.grids import CityFile, Folder, grids, section_of
from gridgov.cli.output import AsJson, print_json, progress, say, tell
from gridgov.errors import BadInput


def register(_: typer.Typer) -> None:
    """The command stands in the group `grids`: importing this module put it there."""


@grids.command("repair")
def repair_(
    file: CityFile,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where to write; may be new, holds nothing of the kind yet.",
            file_okay=False,
        ),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option("--tolerance-m", help=f"Metres: no border moves farther. Up to {WIDEST_M:g}."),
    ] = TOLERANCE_M,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, only tell.")] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Close slivers and gaps up to a tolerance, and tell everything that moved. No file that is read changes.

    Writes the polygons as a GeoPackage, a copy of the city's file that names it, and what was done: as JSON,
    as text, and as GeoJSON to lay over a map. What would have to move farther stays as drawn, and is listed.
    """
    if out is None and not dry_run:
        raise BadInput("say where to write (--out FOLDER), or that nothing is to be written (--dry-run)")
    if out is not None and not dry_run:
        require_free(out, file.name)
    done = _repaired(file, folder, tolerance)
    if as_json:
        print_json(summary(done))
    else:
        tell(readable(done).removesuffix("\n"))
    if out is not None and not dry_run:
        city = file.read_text(encoding="utf-8")
        for written in write_repair(done, city, file.name, folder or file.parent, out):
            say(f"wrote {written}")
        say(f"Look at {out / MOVED} in QGIS, then: gridgov grids check {out / file.name}")


def _repaired(file: Path, folder: Path | None, tolerance: float) -> Repair:
    """The drawing that a city's file names, repaired; findings that it accepts have their reasons."""
    section = section_of(file)
    rules = acceptances(section)
    with progress(f"reading and repairing the grids of {file.name}"):
        done = repair(read(section, folder or file.parent), tolerance)
    return replace(done, before=accept(done.before, rules), after=accept(done.after, rules))
