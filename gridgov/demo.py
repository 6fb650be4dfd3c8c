"""The demo: a made-up district of Bao'an's size with its people, made once, taken up at every start.

The names and codes of its ten streets are official; its borders, departments, people and incidents are
inventions.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from dispatch.lifecycle import ROLE_ZH, Role
from dispatch.routing import Department
from geodata.grids import Hierarchy
from geodata.synthetic import district
from gridgov import accounts, city, shipped
from gridgov.accounts import Passwords, Person
from gridgov.clock import new_id, utcnow
from gridgov.errors import ServiceError
from gridgov.players import Account
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.engine import WriterLock, database_file
from gridgov.storage.ledger import read_head
from gridgov.storage.setup import init

#: Where the demo lives unless GRIDGOV_DATA says otherwise.
FOLDER: Final = Path("var/demo")
#: Who brought in the rules and the grids, as the store remembers it.
BY: Final = "demo"
DISTRICT: Final = "440306"
COMMUNITIES: Final = 124
MICRO_GRIDS: Final = 4833
SEED: Final = 440306
EDITION: Final = f"虚构区划 made-up district (synthetic, seed {SEED})"
#: Beginning of time for the demo's assignments.
SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER: Final = """\
# The people of gridgov's demo and their passwords: made up by this program for the store in this folder, and
# worth nothing anywhere else. To start over: gridgov demo --fresh
# name	password	role	department	grid	display name
"""

_COLUMNS: Final = 6

#: Told what is being done, and of how many steps so many are done.
Tell = Callable[[str, int, int], None]

log = structlog.get_logger(__name__)


class NotTheDemo(ServiceError):
    """There is a store here that the demo did not make; it is left alone."""


class BadPeopleFile(ServiceError):
    """The file with the demo's passwords cannot be read."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Somebody in the demo: what they sign in with and what they are assigned to."""

    name: str
    password: str
    role: Role
    department: str | None
    path: tuple[str, ...]
    display_name: str

    @property
    def account(self) -> Account:
        """What they sign in with, and are assigned to."""
        return Account(self.name, self.password, (self.assignment(self.name),))

    def assignment(self, id_: str) -> Assignment:
        """What they are assigned to, under an id."""
        return Assignment(id_, self.role, self.path, self.department, SINCE)


def people_file(data: Path) -> Path:
    """Where the demo's passwords are kept, readable by their owner alone."""
    return data / "people.tsv"


def prepare(
    settings: Settings,
    tell: Tell,
    clock: Callable[[], datetime] = utcnow,
    passwords: Passwords | None = None,
) -> tuple[Cast, ...]:
    """Make of the demo what is not there yet: store, rules, grids, people. Who plays in it.

    Takes some ten seconds the first time. Raises NotTheDemo, BadPeopleFile, and StoreHeld where a server has
    the store.
    """
    database = database_file(settings.database_url)
    if database.exists() and not people_file(settings.data).exists():
        raise NotTheDemo(
            f"the store {database} is not the demo's: set GRIDGOV_DATA to another folder, or leave it unset"
        )
    settings.data.mkdir(parents=True, exist_ok=True)
    cast = _played(people_file(settings.data))
    tell("store 数据库", 0, 1)
    init(settings.database_url, new_id())
    tell("store 数据库", 1, 1)
    with Service.open(settings, clock) as service:
        _bring_rules(service, tell)
        _bring_grids(service, tell)
        _bring_people(service, cast, passwords or Passwords(), tell)
        atlas = service.in_force.atlas
    log.info("this is a demo: district, people and incidents are made up", made_up=True, edition=atlas.name)
    return cast


def start_over(settings: Settings) -> None:
    """Delete the demo: store, photos, passwords. Raises NotTheDemo, and StoreHeld where a server runs it."""
    database = database_file(settings.database_url)
    if not people_file(settings.data).exists():
        if database.exists():
            raise NotTheDemo(f"the store {database} is not the demo's, so it is not deleted")
        return
    with WriterLock(database):
        for file in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
            file.unlink(missing_ok=True)
        if settings.photo_folder.exists():
            shutil.rmtree(settings.photo_folder)
        shutil.rmtree(settings.index_folder, ignore_errors=True)
        people_file(settings.data).unlink()


def drawn() -> Hierarchy:
    """The made-up district, 1 + 10 + 124 + 4,833 grids, streets with their offices; always the same."""
    streets = shipped.streets()
    offices = {street.code: street.department for street in streets}
    plain = district(
        SEED,
        [(street.code, street.name_zh) for street in streets],
        COMMUNITIES,
        MICRO_GRIDS,
        DISTRICT,
        "宝安区(虚构边界)",
    )
    grids = (
        replace(grid, responsible_unit=offices[grid.code]) if grid.code in offices else grid
        for grid in plain.grids
    )
    return Hierarchy.build(plain.levels, grids)


def cast_of(departments: Iterable[Department], password: Callable[[str], str]) -> tuple[Cast, ...]:
    """Who the demo needs so that every street, department and role is played; passwords by name."""
    streets = shipped.streets()
    paths = {street.department: (DISTRICT, street.code) for street in streets}

    def play(
        name: str, role: Role, path: tuple[str, ...], where: str = "", department: str | None = None
    ) -> Cast:
        shown = f"{ROLE_ZH[role]}·{where}(演示)" if where else f"{ROLE_ZH[role]}(演示)"
        return Cast(name, password(name), role, department, path, shown)

    leading = (
        play("admin", Role.ADMINISTRATOR, ()),
        play("manager", Role.MANAGER, (DISTRICT,)),
        play("supervisor", Role.SUPERVISOR, (DISTRICT,)),
        play("leader", Role.SHIFT_LEADER, ()),
        play("clerk", Role.INTAKE_CLERK, ()),
        play("dispatcher", Role.DISPATCHER, (DISTRICT,), "全区"),
    )
    desks = (
        play(f"dispatcher.{_short(street)}", Role.DISPATCHER, paths[street.department], street.name_zh)
        for street in streets
    )
    patrols = (
        play(f"inspector.{_short(street)}", Role.INSPECTOR, paths[street.department], street.name_zh)
        for street in streets
    )
    handlers = (
        play(f"handler.{one.code}", Role.HANDLER, paths.get(one.code, (DISTRICT,)), one.name_zh, one.code)
        for one in departments
    )
    leaders = (
        play(f"leader.{_short(street)}", Role.SHIFT_LEADER, paths[street.department], street.name_zh)
        for street in streets
    )
    return (*leading, *desks, *leaders, *patrols, *handlers)


def _short(street: shipped.Street) -> str:
    return street.department.removesuffix("_street")


def _played(file: Path) -> tuple[Cast, ...]:
    """The cast with the passwords in the file; for whom it does not know, made up and written down there."""
    known = _passwords(file)
    departments = city.parse(shipped.demo_city(), 1).rules.routing.departments.values()
    cast = cast_of(departments, lambda name: known.get(name) or _new_password())
    if {one.name for one in cast} - known.keys():
        _write(file, cast)
    return cast


def _new_password() -> str:
    """48 random bits, short enough to be typed: sign-in is throttled, and the demo holds nothing real.

    >>> len(_new_password())
    13
    """
    return new_id()[:13]


def _passwords(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = [
        line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    if any(len(line) != _COLUMNS for line in lines):
        raise BadPeopleFile(f"{file} is damaged: run `gridgov demo --fresh` to start over")
    return {line[0]: line[1] for line in lines}


def _write(file: Path, cast: Sequence[Cast]) -> None:
    """Write the file as a whole or not at all, readable by its owner alone from the first byte."""
    lines = [
        "\t".join(
            (one.name, one.password, one.role, one.department or "", "/".join(one.path), one.display_name)
        )
        for one in cast
    ]
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(_HEADER + "\n".join(lines) + "\n")
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)


def _bring_rules(service: Service, tell: Tell) -> None:
    """Apply the shipped file of the made-up city, unless rules are in force."""
    with service.reader.connect() as connection:
        if city.current(connection) is not None:
            return
    tell("rules 规则", 0, 1)
    service.writer.run(city.apply(shipped.demo_city(), BY))
    tell("rules 规则", 1, 1)


def _bring_grids(service: Service, tell: Tell) -> None:
    """Draw the made-up district and import it, unless grids are in force."""
    with service.reader.connect() as connection:
        if read_head(connection, service.stream).edition is not None:
            return
    tell("grids 网格", 0, 2)
    hierarchy = drawn()
    tell("grids 网格", 1, 2)
    service.writer.run(city.import_edition(hierarchy, EDITION, made_up=True, findings=(), by=BY))
    tell("grids 网格", 2, 2)


def _bring_people(service: Service, cast: Sequence[Cast], passwords: Passwords, tell: Tell) -> None:
    """Add whoever is not there yet. Hashing a password takes a core for a moment: all cores do it."""
    with service.reader.connect() as connection:
        there = {person.name for person in accounts.everybody(connection)}
    missing = [one for one in cast if one.name not in there]
    if not missing:
        return
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        hashes = cores.map(lambda one: passwords.hash(one.password), missing)
        for done, (one, hashed) in enumerate(zip(missing, hashes, strict=True)):
            tell("people 人员", done, len(missing))
            service.writer.run(accounts.add(_person(one), hashed))
    tell("people 人员", len(missing), len(missing))


def _person(one: Cast) -> Person:
    return Person(new_id(), one.name, one.display_name, (one.assignment(new_id()),))
