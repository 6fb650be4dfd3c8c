"""`gridgov grids compare`, `import`, `editions`, `withdraw`, `carried`: a new drawing compared with the one
in force, put in its place now or at a date, called off, and the assignments that went with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from geodata.acceptance import accept, acceptances
from geodata.changes import percent
from geodata.check import settle
from geodata.drawing import Drawing
from geodata.editions import Change, Kind
from geodata.errors import UnacceptedFindings
from geodata.findings import Finding, Severity
from geodata.grids import Hierarchy
from gridgov import city
from gridgov.cli.grids import CityFile, Folder, checked, counted, grids, levels_of, section_of
from gridgov.cli.output import AsJson, print_json, print_table, progress, say
from gridgov.cli.reading import moment_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput
from gridgov.operating import operator
from gridgov.redrawing import Touched, preview
from gridgov.storage.engine import snapshot
from gridgov.succession import Compared, carried

#: Changes, pairs of grids and assignments listed one by one for people; the rest is in --json.
SHOWN: Final = 40
#: Kinds of changes that are listed before all others, in this order.
FIRST: Final = (
    *(Kind.level_removed, Kind.level_added, Kind.rearranged, Kind.split, Kind.merged, Kind.retired),
    *(Kind.added, Kind.recoded, Kind.reparented, Kind.redrawn),
)
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="As `grids carried` lists them.")]


@dataclass(frozen=True, slots=True)
class Read:
    """A drawing read, checked and settled, beside the one in force; ``reused`` with the reasons accepted."""

    drawing: Drawing
    hierarchy: Hierarchy
    findings: tuple[Finding, ...]
    compared: Compared
    touched: Touched
    reused: tuple[Finding, ...]


def register(_: typer.Typer) -> None:
    """The commands stand in the group `grids`: importing this module put them there."""


@grids.command()
def compare(
    context: typer.Context,
    file: CityFile,
    folder: Folder = None,
    geojson: Annotated[
        Path | None,
        typer.Option(help="Write each change with the ground concerned here, for QGIS.", dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a drawing would change of the one in force; writes nothing to the store. 版次比较

    What was kept, split, merged, redrawn, renamed, by shares of area; how many open incidents would lie in
    another grid; which assignments would go elsewhere. Codes that come to stand for another place would
    refuse the import: exit code 1.
    """
    found = _read(context, file, folder)
    if geojson is not None:
        if found.compared.comparison is None:
            raise BadInput("there is no edition in force yet that the drawing could be compared with")
        geojson.write_bytes(found.compared.comparison.to_geojson() + b"\n")
    _show(found, as_json)
    _refuse(found.reused)


@grids.command("import")
def import_(
    context: typer.Context,
    file: CityFile,
    folder: Folder = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the edition.", show_default="the names of the files")
    ] = None,
    effective: Annotated[
        str | None,
        typer.Option(help="From when on it is in force: a local date or time.", show_default="now"),
    ] = None,
    made_up: Annotated[bool, typer.Option("--made-up", help="A synthetic drawing, marked as one.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what it would change, as `grids compare` does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a drawing in force as a new edition, with its accepted findings. The same again changes nothing.

    Incidents keep the grids that they were located in; open ones are located again when it takes effect.
    """
    moment = _moment(context, effective)
    found = _read(context, file, folder)
    if dry_run:
        _show(found, as_json)
        _refuse(found.reused)
        say("a dry run: nothing was written")
        return
    _refuse(found.reused)
    title = name or ", ".join(sorted({source.file for source in found.drawing.sources}))
    all_found = (*found.findings, *found.reused)
    with operator(settings_of(context)) as hand, progress("putting the grids in force"):
        done = hand.import_edition(
            found.hierarchy, title, made_up, [one.to_dict() for one in all_found], moment
        )
    if as_json:
        print_json(done | {"levels": levels_of(found.drawing), "findings": counted(all_found)})
        return
    sizes = " > ".join(f"{level['grids']:,} {level['key']}" for level in levels_of(found.drawing))
    begun = datetime.fromisoformat(done["effective_at"]) <= utcnow()
    when = "is in force" if begun else f"takes effect at {done['effective_at']}"
    state = when if done["new"] else f"was there already, {when}: nothing changed"
    say(f"edition {done['edition']} ({title}: {sizes}) {state}")
    for line in counted(all_found):
        accepted = ", accepted" if line["accepted"] else ""
        say(f"{line['count']} {line['finding']} ({line['severity']}{accepted})")


@grids.command()
def editions(context: typer.Context, as_json: AsJson = False) -> None:
    """List all editions, newest first: in force, scheduled, past or withdrawn. 版次"""
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        found = city.editions(connection)
    if as_json:
        print_json({"editions": found})
        return
    rows = [(one["edition"], one["state"], one["effective_at"], one["name"]) for one in found]
    print_table("", ("edition", "state", "effective at", "name"), rows)


@grids.command()
def withdraw(
    context: typer.Context,
    edition: Annotated[int, typer.Argument(metavar="EDITION", help="Its number.", min=1)],
) -> None:
    """Call off an edition before it takes effect; it stays on record. 撤回"""
    with operator(settings_of(context)) as hand:
        hand.withdraw_edition(edition)
    say(f"edition {edition} is withdrawn")


@grids.command("carried")
def carried_over(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those decided on, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List assignments that a new edition carried over to other grids, to confirm or decline. 任职承接"""
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        found = carried(connection, open_only=not everything)
    if as_json:
        print_json({"carried": found})
        return
    head = ("id", "state", "edition", "person", "role", "from", "to", "of the old", "of the new")
    rows = [
        (
            *(one[name] for name in ("id", "state", "edition", "display_name", "role")),
            *("/".join(one[name]) for name in ("from", "to")),
            *(percent(one[name]) for name in ("of_old", "of_new")),
        )
        for one in found
    ]
    print_table("", head, rows, numbers=2)


@grids.command()
def confirm(context: typer.Context, ids: Ids) -> None:
    """Confirm assignments that were carried over: they go on in the new grids. 确认任职"""
    _decide(context, ids, confirmed=True)


@grids.command()
def decline(context: typer.Context, ids: Ids) -> None:
    """Decline assignments that were carried over; those in force already end now. 不予承接"""
    _decide(context, ids, confirmed=False)


def _decide(context: typer.Context, ids: Sequence[str], *, confirmed: bool) -> None:
    with operator(settings_of(context)) as hand:
        for one in ids:
            hand.decide_carried(one, confirmed)
    say(f"{len(ids)} {'confirmed' if confirmed else 'declined'}")


def _read(context: typer.Context, file: Path, folder: Path | None) -> Read:
    """The drawing of a city's file beside the edition in force; raises as `settle` does."""
    drawing, findings = checked(file, folder)
    hierarchy = settle(drawing, findings)
    with (
        progress("comparing with the grids in force"),
        reader_of(settings_of(context)) as engine,
        snapshot(engine) as connection,
    ):
        compared, touched = preview(connection, hierarchy, utcnow())
    reused = accept(compared.reused, acceptances(section_of(file)))
    return Read(drawing, hierarchy, findings, compared, touched, reused)


def _refuse(reused: Sequence[Finding]) -> None:
    """Raise UnacceptedFindings where codes come to stand for other places and nobody accepts it."""
    if refused := [one for one in reused if one.severity is Severity.error and one.accepted is None]:
        raise UnacceptedFindings(refused)


def _moment(context: typer.Context, text: str | None) -> datetime | None:
    """When an edition is to take effect, in the city's time zone unless it names one. Raises BadInput."""
    if text is None:
        return None
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        ours = city.current(connection)
    moment = moment_of(text, "UTC" if ours is None else ours.facts.zone, "--effective")
    if ours is None and moment is not None and not _names_zone(text):
        raise BadInput(
            f"--effective is {text!r}, and no city's file says yet in which time zone that is: "
            "apply one first, or give a time with its zone, such as 2027-01-01T00:00+08:00"
        )
    return moment


def _names_zone(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def _show(found: Read, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "edition": found.compared.edition,
                "comparison": found.compared.changes or None,
                "reused": [one.to_dict() for one in found.reused],
                "touched": found.touched.to_dict(),
            }
        )
        return
    if found.compared.comparison is None:
        say("there is no edition in force yet: this is the first")
        return
    changes = sorted(found.compared.comparison.changes, key=_weight)
    rows = [(f"{one.kind.value} {one.kind.zh}", one.level, one.en) for one in changes]
    _table(("change", "level", "what"), rows)
    for kind, many in found.compared.counts.items():
        say(f"{many:,} {kind} {Kind(kind).zh}")
    _show_incidents(found.touched)
    _show_assignments(found.touched)


def _weight(change: Change) -> tuple[int, float]:
    """What changes most comes first: levels and codes that come and go; of redrawn grids, the least kept."""
    stays = (one.of_old for one in change.shares if (one.old, one.new) == (*change.old, *change.new))
    return FIRST.index(change.kind) if change.kind in FIRST else len(FIRST), next(stays, 0.0)


def _show_incidents(touched: Touched) -> None:
    told = touched.incidents
    say(
        f"{told.open:,} open incidents have a point: {told.moved:,} would lie in another grid, "
        f"{told.to_tray:,} in none any more, {told.from_tray:,} in one for the first time"
    )
    pairs = [("/".join(before) or "-", "/".join(after) or "-", many) for before, after, many in told.pairs]
    _table(("from", "to", "open incidents"), pairs, numbers=1)


def _show_assignments(touched: Touched) -> None:
    rows: list[tuple[Any, ...]] = []
    for one in touched.assignments:
        who = (one["display_name"], one["role"], "/".join(one["from"]))
        to = [
            ("/".join(way["path"]), percent(way["of_old"]), "at once" if way["at_once"] else "to confirm")
            for way in one["to"]
        ]
        rows += [(*who, *way) for way in to] or [(*who, "-", "", "leads nowhere")]
    for one in touched.displaced:
        rows.append(
            (one["display_name"], one["role"], "/".join(one["from"]), "-", "", "code is another place")
        )
    say(f"{len(touched.assignments) + len(touched.displaced):,} assignments are touched")
    _table(("person", "role", "from", "to", "of the old", ""), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: int = 0) -> None:
    if rows:
        print_table("", head, rows[:SHOWN], numbers)
    if len(rows) > SHOWN:
        say(f"and {len(rows) - SHOWN:,} more: --json lists them all")
