"""`gridgov incidents file` and `verify`: the file of an incident for the archive, and proof of it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatch.lifecycle import Role
from gridgov.accounts import Person
from gridgov.casefile.comparing import compare
from gridgov.casefile.packing import package
from gridgov.casefile.page import render
from gridgov.casefile.pictures import small
from gridgov.casefile.reading import read
from gridgov.casefile.values import CaseFile
from gridgov.casefile.verifying import Fault, Verified
from gridgov.casefile.verifying import verify as verify_package
from gridgov.cli.output import AsJson, print_json, say, tell
from gridgov.cli.reading import in_force_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput
from gridgov.importing.run import OPERATOR
from gridgov.scope import Assignment
from gridgov.settings import Settings
from gridgov.storage.engine import snapshot
from gridgov.storage.photos import PhotoFolder


def register(incidents: typer.Typer) -> None:
    """Add these commands to those of incidents."""
    incidents.command("file")(file)
    incidents.command("verify")(verify)


def file(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Case number or id.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; left out, standard output.", dir_okay=False),
    ] = None,
    as_zip: Annotated[
        bool, typer.Option("--zip", help="A package with stored entries, photos and sums, to be verified.")
    ] = False,
    photos: Annotated[
        bool, typer.Option("--photos", help="Small pictures in the page; else they are listed.")
    ] = False,
    reporters: Annotated[
        bool, typer.Option("--reporters", help="With names and phones of citizens who reported.")
    ] = False,
) -> None:
    """Write all there is on an incident as one page to print, or as a package. 案卷档案"""
    if as_zip and output is None:
        raise BadInput("a package needs a file: say -o FILE.zip")
    settings = settings_of(context)
    folder = PhotoFolder(settings.photo_folder)
    with reader_of(settings) as engine:
        found = read(engine, in_force_of(engine), folder, _reader(reporters), case, utcnow())
    pictures = small(found, folder) if photos else {}
    if output is None:
        sys.stdout.write(render(found, pictures))
    elif as_zip:
        _write(output, package(found, folder, pictures))
    else:
        _write(output, (render(found, pictures).encode(),))
    _warn(found)


def _reader(reporters: bool) -> Person:
    """Whoever may read the store's file sees all of it; citizens' names only where they say so."""
    role = Role.SHIFT_LEADER if reporters else Role.SUPERVISOR
    everywhere = Assignment(OPERATOR, role, (), None, datetime.min.replace(tzinfo=UTC))
    return Person(OPERATOR, OPERATOR, "本机操作员 Operator", (everywhere,))


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file as a whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.absolute().parent, delete=False) as written:
        try:
            for part in parts:
                written.write(part)
            written.flush()
            os.replace(written.name, path)
        except BaseException:
            os.unlink(written.name)
            raise


def _warn(found: CaseFile) -> None:
    if not found.is_whole:
        broken = [str(line.entry.number) for line in found.lines if not line.stored.is_whole]
        numbers = ", ".join(broken)
        say(f"entries {numbers} are not what the ledger's hashes say: run `gridgov rebuild --check`")


def verify(
    context: typer.Context,
    package_: Annotated[
        Path, typer.Argument(metavar="FILE.zip", help="A package.", exists=True, dir_okay=False)
    ],
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Compare it with the ledger of this store (--data) too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify a package: every file, entry and photo; without a store, or with one. 核验案卷档案

    By itself a package shows what was changed in it; that nobody rewrote all of it, only the ledger shows.
    Exit code 1 where something is wrong.
    """
    found = verify_package(package_)
    faults = [*found.faults, *(_compared(settings_of(context), found) if ledger else ())]
    if as_json:
        print_json(_plain(found, faults, ledger))
    else:
        _show(found, faults, ledger)
    if faults:
        raise typer.Exit(1)


def _compared(settings: Settings, found: Verified) -> list[Fault]:
    with reader_of(settings) as engine, snapshot(engine) as connection:
        return list(compare(connection, found))


def _plain(found: Verified, faults: list[Fault], ledger: bool) -> dict[str, Any]:
    return {
        "case_number": found.case_number,
        "incident": found.incident,
        "entries": len(found.entries),
        "photos": found.photos,
        "compared_with_ledger": ledger,
        "whole": not faults,
        "faults": [{"where": one.where, "what": one.what} for one in faults],
    }


def _show(found: Verified, faults: list[Fault], ledger: bool) -> None:
    number = found.case_number or found.incident
    tell(f"案卷 incident {number}: {len(found.entries)} 条记录 entries, {found.photos} 张照片 photos")
    for one in faults:
        tell(f"✗ {one}")
    if faults:
        say(f"{len(faults)} 处不符 wrong")
    elif ledger:
        tell("✓ 与台账一致 it agrees with the ledger")
    else:
        tell("✓ 文件包自身一致，对照台账请加 --ledger it agrees with itself; --ledger compares the ledger")
