"""`gridgov grids`: the polygons that the city's file names, checked and imported as an edition."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from geodata.check import accept, acceptances, settle
from geodata.check import check as check_drawing
from geodata.drawing import Drawing
from geodata.errors import UnacceptedFindings
from geodata.findings import Finding, Severity
from geodata.read import read
from gridgov.cli.headings import RULES
from gridgov.cli.output import AsJson, print_json, print_table, progress, say
from gridgov.cli.reading import settings_of
from gridgov.errors import BadInput
from gridgov.operating import operator

grids = typer.Typer(no_args_is_help=True, help="The grids: check, import, export. 网格")
CityFile = Annotated[
    Path,
    typer.Argument(
        metavar="CITY.toml",
        help="The city's file; its table [grids] names the polygon files.",
        exists=True,
        dir_okay=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="Where the polygon files are.",
        show_default="beside the city's file",
        exists=True,
        file_okay=False,
    ),
]
#: Findings listed one by one for people; the rest is in --json.
SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(grids, name="grids", rich_help_panel=RULES)


@grids.command()
def check(file: CityFile, folder: Folder = None, as_json: AsJson = False) -> None:
    """Look a drawing over: overlaps, gaps, orphans, double codes and more, each with measure and place.

    Errors that the city's file does not accept by name and reason would refuse the import: exit code 1.
    """
    drawing, findings = _checked(file, folder)
    if as_json:
        print_json({"levels": _levels(drawing), "findings": [found.to_dict() for found in findings]})
    else:
        _show(drawing, findings)
    refused = [f for f in findings if f.severity is Severity.error and f.accepted is None]
    if refused:
        raise UnacceptedFindings(refused)


@grids.command("import")
def import_(
    context: typer.Context,
    file: CityFile,
    folder: Folder = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the edition.", show_default="the names of the files")
    ] = None,
    made_up: Annotated[bool, typer.Option("--made-up", help="A synthetic drawing, marked as one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a drawing in force as a new edition, with its accepted findings. The same again changes nothing.

    Incidents keep the grids that they were located in.
    """
    drawing, findings = _checked(file, folder)
    hierarchy = settle(drawing, findings)
    title = name or ", ".join(sorted({source.file for source in drawing.sources}))
    with operator(settings_of(context)) as hand, progress("putting the grids in force"):
        done = hand.import_edition(hierarchy, title, made_up, [found.to_dict() for found in findings])
    if as_json:
        print_json(done | {"levels": _levels(drawing), "findings": _counts(findings)})
        return
    counts = " > ".join(f"{level['grids']:,} {level['key']}" for level in _levels(drawing))
    state = "is in force" if done["new"] else "was in force already: nothing changed"
    say(f"edition {done['edition']} ({title}: {counts}) {state}")
    for line in _counts(findings):
        accepted = ", accepted" if line["accepted"] else ""
        say(f"{line['count']} {line['finding']} ({line['severity']}{accepted})")


def _checked(file: Path, folder: Path | None) -> tuple[Drawing, tuple[Finding, ...]]:
    section = _section(file)
    with progress(f"reading and checking the grids of {file.name}"):
        drawing = read(section, folder or file.parent)
        return drawing, accept(check_drawing(drawing), acceptances(section))


def _section(file: Path) -> Mapping[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("grids")
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{file} is not TOML: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{file} has no table [grids], which names the polygon files")
    return found


def _levels(drawing: Drawing) -> list[dict[str, Any]]:
    return [
        {"key": level.key, "name_zh": level.name_zh, "name_en": level.name_en, "grids": len(drawing.at(n))}
        for n, level in enumerate(drawing.levels)
    ]


def _counts(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    counts = Counter((f.code, str(f.severity), f.accepted is not None) for f in findings)
    return [
        {"finding": code, "severity": severity, "accepted": accepted, "count": count}
        for (code, severity, accepted), count in sorted(counts.items())
    ]


def _show(drawing: Drawing, findings: Sequence[Finding]) -> None:
    levels = [(level["key"], level["name_zh"], f"{level['grids']:,}") for level in _levels(drawing)]
    print_table("", ("level", "", "grids"), levels, numbers=1)
    order = {Severity.error: 0, Severity.warning: 1, Severity.info: 2}
    worst = sorted(findings, key=lambda f: (f.accepted is not None, order[f.severity], -f.measure))
    rows = [
        (
            f.code,
            f"{f.severity}{' (accepted)' if f.accepted else ''}",
            f.level,
            " ".join(f.grids),
            "" if f.place is None else f"{f.place[0]:.6f},{f.place[1]:.6f}",
            f"{f.measure:,.4g} {f.unit}",
        )
        for f in worst[:SHOWN]
    ]
    if rows:
        print_table("", ("finding", "severity", "level", "grids", "place", "measure"), rows, numbers=1)
    if len(worst) > SHOWN:
        say(f"and {len(worst) - SHOWN} more: --json lists them all")
