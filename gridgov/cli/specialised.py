"""`gridgov grids specialised`: the layers of fields that the city's file names, checked and put in force.

Those in force are listed, given back and taken off here too.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from geodata.check import accept, acceptances, settle
from geodata.check import check as check_drawing
from geodata.errors import UnacceptedFindings
from geodata.findings import Finding, Severity
from geodata.read import read
from geodata.specialised.check import LOSSES, Checked, check
from geodata.specialised.check import settle as settle_layer
from geodata.specialised.layers import Form
from geodata.specialised.read import LayerSource, read_layer, sources
from geodata.specialised.sets import Edition, Ground, Points
from gridgov import specialised
from gridgov.city import load_in_force
from gridgov.cli.grids import CityFile, Folder, grids
from gridgov.cli.output import AsJson, print_json, print_table, progress, say
from gridgov.cli.reading import in_force_of, reader_of, settings_of
from gridgov.errors import BadInput, UnknownField
from gridgov.in_force import InForce
from gridgov.operating import operator
from gridgov.settings import Settings
from gridgov.storage.engine import snapshot
from gridgov.storage.errors import NoRulesYet, StoreNotReady
from gridgov.storage.ledger import read_head

layers = typer.Typer(
    no_args_is_help=True, help="The specialised grids of fields: check, import, list, export. 专业网格"
)
grids.add_typer(layers, name="specialised")

Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="KEY", help="Only the field of this key; may be given several times."),
]
#: Findings listed one by one for people; the rest is in --json.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Over:
    """What layers are checked over: the edition in force, or the file's own grids where there is no store."""

    edition: Edition
    in_force: InForce | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A layer that was checked: its findings as accepted, and how many incidents it was checked with."""

    source: LayerSource
    checked: Checked
    findings: tuple[Finding, ...]
    incidents: int


def register(_: typer.Typer) -> None:
    """The commands stand in the group `grids`: importing this module put them there."""


@layers.command("check")
def check_(
    context: typer.Context,
    file: CityFile,
    folder: Folder = None,
    only: Only = None,
    as_json: AsJson = False,
) -> None:
    """Look the layers over: holes, double cover, unknown codes, overlaps, and what sets would lose.

    Checked with the edition in force and past incidents of the store, or without one with the file's own
    grids. Errors that the file does not accept by name and reason would refuse the import: exit code 1.
    """
    over, found = _looked(settings_of(context), file, folder, only, alone=True)
    _tell(over, found, as_json)
    _refuse(found)


@layers.command("import")
def import_(
    context: typer.Context,
    file: CityFile,
    folder: Folder = None,
    only: Only = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put the layers in force, each in place of the one its field had. The same again changes nothing.

    All are checked before the first is put in force; layers of fields that the file does not name stay.
    Incidents keep the specialised grids that they were located in.
    """
    settings = settings_of(context)
    over, found = _looked(settings, file, folder, only, alone=False)
    _refuse(found)
    assert over.in_force is not None
    edition = over.in_force.atlas.edition
    done: dict[str, dict[str, Any]] = {}
    if not dry_run:
        with operator(settings) as hand, progress("putting layers in force") as told:
            for number, one in enumerate(found, 1):
                done[one.source.key] = hand.put_layer(_sent(one, edition))
                told(number, len(found))
    _tell(over, found, as_json, done, dry_run=dry_run)
    for key, put in done.items():
        state = "is in force" if put["new"] else "was in force already: nothing changed"
        say(f"version {put['version']} of {key} {state}")


@layers.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Past versions too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The layers in force, what they matter for, and what their sets lose."""
    with reader_of(settings_of(context)) as engine, snapshot(engine) as connection:
        rows = [row for row in specialised.versions(connection) if every or row["state"] == "in_force"]
    if as_json:
        print_json({"layers": rows})
        return
    head = ("field", "", "as", "state", "matters for", "lost", "version", "grids", "findings")
    lines = [
        (
            row["key"],
            row["name_zh"],
            row["as"],
            row["state"],
            " ".join([*row["classes"], *row["categories"]]) or "all",
            "; ".join(row["lost"]),
            row["version"],
            row["grids"],
            row["findings"],
        )
        for row in rows
    ]
    print_table("", head, lines, numbers=3)


@layers.command()
def export(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Key of a field, such as police.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; left out, standard output.", dir_okay=False),
    ] = None,
) -> None:
    """Write the specialised grids of a field in force as GeoJSON, with their teams."""
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
    field = in_force.fields.field(key) if in_force.fields else None
    if field is None:
        raise UnknownField(f"no field {key!r} has a layer of specialised grids in force", field=key)
    text = field.layer.geojson(in_force.atlas.hierarchy) + b"\n"
    if output is None:
        sys.stdout.buffer.write(text)
    else:
        output.write_bytes(text)


@layers.command()
def remove(
    context: typer.Context, key: Annotated[str, typer.Argument(help="Key of a field, such as police.")]
) -> None:
    """Take a field's layer off: from now on no incident is located in it."""
    with operator(settings_of(context)) as hand:
        hand.remove_layer(key)
    say(f"field {key} has no layer of specialised grids any more")


def _looked(
    settings: Settings, file: Path, folder: Path | None, only: Sequence[str] | None, *, alone: bool
) -> tuple[Over, list[Looked]]:
    """Read and check the layers of a city's file; ``alone``: without a store too."""
    found: list[Looked] = []
    place = folder or file.parent
    with ExitStack() as stack, progress(f"reading and checking the layers of {file.name}") as told:
        data = _data(file)
        wanted = _wanted(data, place, only)
        connection, in_force = _store(stack, settings, alone=alone)
        over = Over(in_force.atlas if in_force else _own_grids(data, place), in_force)
        for number, source in enumerate(wanted):
            told(number, len(wanted))
            found.append(_look(source, over, connection))
    return over, found


def _look(source: LayerSource, over: Over, connection: Connection | None) -> Looked:
    past: Points | None = None
    if over.in_force is not None and connection is not None:
        categories = over.in_force.rules.categories
        specialised.require_known(source.classes, source.categories, source.key, categories)
        past = specialised.past_points(connection, source.classes, source.categories, categories)
    checked = check(read_layer(source), over.edition, past)
    counted = 0 if checked.loss is None else checked.loss.of_points
    return Looked(source, checked, accept(checked.findings, source.accepted), counted)


def _store(stack: ExitStack, settings: Settings, *, alone: bool) -> tuple[Connection | None, InForce | None]:
    """A connection to the store and what is in force there; neither where it is not ready and need not be."""
    try:
        engine = stack.enter_context(reader_of(settings))
        connection = stack.enter_context(snapshot(engine))
        found = load_in_force(connection, read_head(connection))
    except StoreNotReady:
        if alone:
            return None, None
        raise
    if found is None and not alone:
        raise NoRulesYet()
    return (None, None) if found is None else (connection, found)


def _data(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{file} is not TOML: {error}") from error


def _wanted(data: dict[str, Any], folder: Path, only: Sequence[str] | None) -> list[LayerSource]:
    found = sources(data.get("specialised", []), folder)
    if not found:
        raise BadInput("the file has no [[specialised]], which name the layers of fields")
    keys = [one.key for one in found]
    for key in only or ():
        if key not in keys:
            raise BadInput(f"the file has no [[specialised]] {key!r}; it has: {', '.join(keys)}")
    return [one for one in found if not only or one.key in only]


def _own_grids(data: dict[str, Any], folder: Path) -> Ground:
    section = data.get("grids")
    if not isinstance(section, dict):
        raise BadInput("there is no edition in force, and the file has no table [grids] to check with")
    drawing = read(section, folder)
    return Ground(settle(drawing, accept(check_drawing(drawing), acceptances(section))))


def _sent(one: Looked, edition: int) -> specialised.Sent:
    return specialised.Sent(
        settle_layer(one.checked, one.findings),
        edition,
        one.source.classes,
        one.source.categories,
        tuple(found.to_dict() for found in one.findings),
    )


def _refuse(found: Iterable[Looked]) -> None:
    refused = [
        finding
        for one in found
        for finding in one.findings
        if finding.severity is Severity.error and finding.accepted is None
    ]
    if refused:
        raise UnacceptedFindings(refused, "specialised")


def _tell(
    over: Over,
    found: Sequence[Looked],
    as_json: bool,
    done: dict[str, dict[str, Any]] | None = None,
    *,
    dry_run: bool = True,
) -> None:
    edition = None if over.in_force is None else over.in_force.atlas.edition
    if as_json:
        told = [_plain(one) | (done or {}).get(one.source.key, {}) for one in found]
        print_json({"edition": edition, "dry_run": dry_run, "layers": told})
        return
    say("checked with " + ("the file's own grids" if edition is None else f"edition {edition}"))
    for one in found:
        _show(one)


def _plain(one: Looked) -> dict[str, Any]:
    layer, loss = one.checked.layer, one.checked.loss
    return {
        "key": one.source.key,
        "as": one.source.form,
        "grids": 0 if layer is None else len(layer.grids),
        "classes": one.source.classes,
        "categories": one.source.categories,
        "loss_as_sets": None if loss is None else loss.to_dict(),
        "findings": [finding.to_dict() for finding in one.findings],
    }


def _show(one: Looked) -> None:
    layer = one.checked.layer
    many = 0 if layer is None else len(layer.grids)
    print_table(
        "", ("field", "", "as", "grids"), [(one.source.key, one.source.name_zh, one.source.form, many)], 1
    )
    order = {Severity.error: 0, Severity.warning: 1, Severity.info: 2}
    worst = sorted(one.findings, key=lambda f: (f.accepted is not None, order[f.severity], -f.measure))
    shown = [found for found in worst if found.code not in LOSSES][:SHOWN]
    rows = [
        (
            found.code,
            f"{found.severity}{' (accepted)' if found.accepted else ''}",
            " ".join(found.grids),
            "" if found.place is None else f"{found.place[0]:.6f},{found.place[1]:.6f}",
            f"{found.measure:,.4g} {found.unit}",
        )
        for found in shown
    ]
    if rows:
        print_table("", ("finding", "severity", "grids", "place", "measure"), rows, numbers=1)
    counts = Counter(found.code for found in worst if found.code not in LOSSES)
    if sum(counts.values()) > len(shown):
        said = ", ".join(f"{many} {code}" for code, many in sorted(counts.items()))
        say(f"of {said}, these are the largest: --json lists them all")
    _show_loss(one)


def _show_loss(one: Looked) -> None:
    for finding in one.findings:
        if finding.code in LOSSES:
            say(f"{one.source.key}: {finding.message}")
    loss = one.checked.loss
    if loss is None or one.source.form is Form.sets:
        return
    shares = [("of the area", loss.area_share), ("of past incidents", loss.points_share)]
    said = " and ".join(f"{share:.2%} {what}" for what, share in shares if share is not None)
    if said:
        say(f"{one.source.key}: nothing is lost as polygons; as sets {said} would fall to another team")
