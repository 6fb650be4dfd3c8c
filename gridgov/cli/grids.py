"""`gridgov grids`: the polygons that the city's file names, read and checked. What else is done with them
stands in modules of its own, on the same group.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from geodata.check import ACCEPTABLE, acceptances, judge
from geodata.crs import NOT_BROUGHT
from geodata.drawing import Drawing, Source
from geodata.errors import UnreadableDrawing
from geodata.findings import Finding, Severity, feature_collection, size
from geodata.read import survey
from gridgov.cli.headings import RULES
from gridgov.cli.output import AsJson, print_json, print_table, progress, say, tell
from gridgov.errors import BadInput

grids = typer.Typer(no_args_is_help=True, help="The grids: check, compare, import, export. 网格")
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
#: Findings listed one by one for people; the rest is in --json and --geojson.
SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(grids, name="grids", rich_help_panel=RULES)


@grids.command()
def check(
    file: CityFile,
    folder: Folder = None,
    geojson: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the findings as GeoJSON too, each where it is: for QGIS.",
            dir_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look a drawing over: overlaps, gaps, orphans, double codes and more, each with measure and place.

    Errors that the city's file does not accept by name and reason would refuse the import: exit code 1.
    """
    drawing, findings = checked(file, folder)
    if as_json:
        print_json({"levels": levels_of(drawing), "findings": [found.to_dict() for found in findings]})
    elif not drawing.unread:
        _show(drawing, findings)
    if geojson is not None:
        geojson.write_bytes(feature_collection(findings) + b"\n")
        say(f"{len(findings)} findings are in {geojson}: open it in QGIS, over the polygon files")
    refuse(drawing, findings)


def checked(file: Path, folder: Path | None) -> tuple[Drawing, tuple[Finding, ...]]:
    """The drawing that a city's file names and what its check found, accepted findings with their reasons."""
    section = section_of(file)
    with progress(f"reading and checking the grids of {file.name}"):
        rules = acceptances(section)
        drawing = survey(section, folder or file.parent)
        return drawing, judge(drawing, rules)


def refuse(drawing: Drawing, findings: Sequence[Finding]) -> None:
    """Raise UnreadableDrawing, or BadInput, where an import would be refused, saying by what."""
    if drawing.unread:
        raise UnreadableDrawing(drawing.faults)
    refused = [f for f in findings if f.severity is Severity.error and f.accepted is None]
    if refused:
        named = [" ".join((found.code, *found.grids)) for found in refused[:SHOWN]]
        more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        mend = "Mend what the messages name"
        if any(found.code in ACCEPTABLE for found in refused):
            mend += (
                "; what is meant as it is, accept by name and reason in the city's file ([[grids.accept]])"
            )
        many = f"{len(refused)} {'error' if len(refused) == 1 else 'errors'} would refuse the import"
        raise BadInput(f"{many}: {', '.join(named)}{more}. {mend}")


def section_of(file: Path) -> Mapping[str, Any]:
    """The table [grids] of a city's file; raises BadInput where there is none."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("grids")
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{file} is not TOML: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{file} has no table [grids], which names the polygon files")
    return found


def levels_of(drawing: Drawing) -> list[dict[str, Any]]:
    """The levels of a drawing with how many grids they have."""
    return [
        {"key": level.key, "name_zh": level.name_zh, "name_en": level.name_en, "grids": len(drawing.at(n))}
        for n, level in enumerate(drawing.levels)
    ]


def counted(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """How many findings there are of each code."""
    counts = Counter((f.code, str(f.severity), f.accepted is not None) for f in findings)
    return [
        {"finding": code, "severity": severity, "accepted": accepted, "count": count}
        for (code, severity, accepted), count in sorted(counts.items())
    ]


def _show(drawing: Drawing, findings: Sequence[Finding]) -> None:
    """Levels, sources, then the findings: what refuses the import first, the largest first."""
    levels = [(level["key"], level["name_zh"], f"{level['grids']:,}") for level in levels_of(drawing)]
    print_table("", ("level", "", "grids"), levels, numbers=1)
    for source in drawing.sources:
        tell(f"{source.file}: {source.features:,} features in {source.crs}; {_way(source)}")
        for remark in source.remarks:
            tell(f"  note: {remark}")
    order = {Severity.error: 0, Severity.warning: 1, Severity.info: 2}
    worst = sorted(findings, key=lambda f: (f.accepted is not None, order[f.severity], f.code, -f.measure))
    for found in worst[:SHOWN]:
        place = "" if found.place is None else f" at {found.place[0]:.6f},{found.place[1]:.6f}"
        about = " ".join(filter(None, (found.code, found.level, *found.grids, _measure(found))))
        tell(f"\n{_kind(found)} {about}{place}")
        tell(f"  {found.message}")
        if found.accepted:
            tell(f"  accepted: {found.accepted}")
    if len(worst) > SHOWN:
        tell(f"\nand {len(worst) - SHOWN:,} more: --json and --geojson list them all")
    _sum_up(findings)


def _way(source: Source) -> str:
    if source.transformation == "none":
        return "taken as longitude and latitude"
    if source.transformation == NOT_BROUGHT:
        return NOT_BROUGHT
    off = "nobody knows how far off" if source.accuracy_m is None else f"within {source.accuracy_m:g} m"
    return f"to longitude and latitude by {source.transformation} ({off})"


def _kind(found: Finding) -> str:
    return f"{found.severity}{' (accepted)' if found.accepted else ''}:"


def _measure(found: Finding) -> str:
    """An area or a length; how many there are of something stands in the message."""
    if found.unit == "count":
        return ""
    return size(found.measure) if found.unit == "m2" else f"{found.measure:,.4g} {found.unit}"


def _sum_up(findings: Sequence[Finding]) -> None:
    lines = [
        f"{line['count']:,} {line['finding']} ({line['severity']}{', accepted' if line['accepted'] else ''})"
        for line in counted(findings)
    ]
    tell(f"\nfound: {', '.join(lines) or 'nothing'}")
