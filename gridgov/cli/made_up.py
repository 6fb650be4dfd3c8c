"""`gridgov grids made-up`: a synthetic district as a file, to try a check and an import with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geodata import synthetic_file
from geodata.synthetic import district
from gridgov.cli.grids import grids
from gridgov.cli.output import progress, say
from gridgov.errors import BadInput

#: No place has it: the published list of districts ends far below 99.
DISTRICT = "990101"
#: Bao'an's 400 km² have 4,833 micro-grids.
KM2_A_MICRO_GRID = 400 / 4833
#: 100,000 micro-grids take a minute or two; ten times as many are no district any more.
MOST_MICRO_GRIDS = 1_000_000


def register(_: typer.Typer) -> None:
    """The command stands in the group `grids`: importing this module put it there."""


@grids.command("made-up")
def made_up(
    output: Annotated[
        Path, typer.Option("--output", "-o", "--out", help="New file: .gpkg or .geojson.", dir_okay=False)
    ],
    streets: Annotated[int, typer.Option(min=1, max=999, help="Streets, 999 at most.")] = 10,
    communities: Annotated[int, typer.Option(min=1, help="Communities in all.")] = 124,
    micro_grids: Annotated[
        int, typer.Option(min=1, max=MOST_MICRO_GRIDS, help="Micro-grids in all; 999 a community at most.")
    ] = 4833,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another district.")] = 1,
    enclaves: Annotated[int, typer.Option(min=0, help="Parts of a grid that lie within another.")] = 0,
    islands: Annotated[int, typer.Option(min=0, help="Parts of a grid that lie off the coast.")] = 0,
) -> None:
    """Write a made-up district, to try a check and an import with. Every feature says that it is synthetic.

    Prints the table [grids] that reads it. Borders, names and codes are inventions. 虚构

    \b
        gridgov grids made-up -o town.gpkg > town.toml
        gridgov grids check town.toml
        gridgov grids import town.toml --made-up
    """
    named = [(f"{DISTRICT}{number:03d}", f"虚构第{number}街道") for number in range(1, streets + 1)]
    area = micro_grids * KM2_A_MICRO_GRID
    asked = (
        f"gridgov grids made-up --streets {streets} --communities {communities} "
        f"--micro-grids {micro_grids} --seed {seed} --enclaves {enclaves} --islands {islands}"
    )
    with progress(f"drawing {micro_grids:,} micro-grids"):
        try:
            drawn = district(
                seed,
                named,
                communities,
                micro_grids,
                DISTRICT,
                area_km2=area,
                enclaves=enclaves,
                islands=islands,
            )
        except ValueError as refused:
            raise BadInput(str(refused)) from refused
        synthetic_file.write(output, drawn, asked)
    counts = " > ".join(f"{len(drawn.at(level.key)):,} {level.key}" for level in drawn.levels)
    say(f"{output}: {counts}, {area:,.0f} km², synthetic 虚构")
    sys.stdout.write(synthetic_file.grids_table(output, drawn, asked))
