"""The demo: complete, labelled, taken up again, and never mixed up with a city's own store."""

from __future__ import annotations

import re
import stat
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from dispatch.lifecycle import Role
from gridgov import accounts, city, shipped
from gridgov.accounts import Passwords
from gridgov.cli.demo import demo_settings
from gridgov.demo import BadPeopleFile, Cast, NotTheDemo, drawn, people_file, prepare, start_over
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.engine import WriterLock
from gridgov.storage.errors import StoreHeld
from gridgov.storage.setup import init
from tests.gridgov.made_up import QUICK, demo_command, demo_in, quiet, read_until

pytestmark = pytest.mark.slow


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def interrupt_at(step: str, number: int):
    def tell(what: str, done: int, _total: int) -> None:
        if what.startswith(step) and done >= number:
            raise Interrupted

    return tell


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "demo")


def test_the_district_has_its_size_official_streets_and_an_office_for_each() -> None:
    hierarchy = drawn()
    assert [len(hierarchy.at(level.key)) for level in hierarchy.levels] == [1, 10, 124, 4833]
    streets = {(grid.code, grid.name, grid.responsible_unit) for grid in hierarchy.at("street")}
    assert streets == {(one.code, one.name_zh, one.department) for one in shipped.streets()}
    assert "虚构" in hierarchy.at(0)[0].name


def test_everything_in_it_says_that_it_is_made_up(settings: Settings) -> None:
    cast = demo_in(settings.data)
    with Service.open(settings) as service:
        in_force = service.in_force
    assert in_force.city.made_up
    assert in_force.atlas.made_up
    assert "虚构" in in_force.city.name_zh
    assert "made up" in in_force.city.name_en
    assert "made-up" in in_force.atlas.name
    assert all("演示" in one.display_name for one in cast)


def test_every_role_department_and_street_is_played(settings: Settings) -> None:
    cast = demo_in(settings.data)
    with Service.open(settings) as service:
        in_force = service.in_force
        with service.reader.connect() as connection:
            people = {person.name: person for person in accounts.everybody(connection)}
    assert {one.role for one in cast} == set(Role)
    assert {one.department for one in cast if one.role is Role.HANDLER} == set(
        in_force.rules.routing.departments
    )
    streets = {in_force.atlas.hierarchy.path(grid) for grid in in_force.atlas.hierarchy.at("street")}
    assert {one.path for one in cast if one.role is Role.INSPECTOR} == streets
    assert {one.path for one in cast if one.role is Role.DISPATCHER} == streets | {("440306",)}
    held = {
        name: [(a.role, a.department, a.path) for a in person.assignments] for name, person in people.items()
    }
    assert held == {one.name: [(one.role, one.department, one.path)] for one in cast}


def test_the_passwords_are_kept_for_their_owner_alone_and_are_right(settings: Settings) -> None:
    cast = demo_in(settings.data)
    file = people_file(settings.data)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "made up" in file.read_text(encoding="utf-8")
    assert len({one.password for one in cast}) == len(cast)
    with Service.open(settings) as service:
        for one in cast[::20]:
            assert Passwords().check(service.reader, one.name, one.password)[0].name == one.name


def everything(settings: Settings) -> tuple[object, ...]:
    with Service.open(settings) as service, service.reader.connect() as connection:
        people = accounts.everybody(connection)
        return (
            service.in_force.rules.version,
            service.in_force.atlas.edition,
            people,
            city.current(connection),
        )


def test_starting_again_takes_up_what_is_there(settings: Settings) -> None:
    first = demo_in(settings.data)
    before, text = everything(settings), people_file(settings.data).read_bytes()
    assert prepare(settings, quiet) == first
    assert everything(settings) == before
    assert people_file(settings.data).read_bytes() == text


def test_an_interrupted_start_is_made_up_for(settings: Settings) -> None:
    for step, number in (("rules", 0), ("grids", 1), ("people", 3)):
        with pytest.raises(Interrupted):
            prepare(settings, interrupt_at(step, number), passwords=QUICK)
    cast = prepare(settings, quiet, passwords=QUICK)
    with Service.open(settings) as service, service.reader.connect() as connection:
        people = Counter(person.name for person in accounts.everybody(connection))
        assert people == Counter(one.name for one in cast)
        assert Passwords().check(service.reader, cast[0].name, cast[0].password)
        assert len(service.in_force.atlas.hierarchy.lowest) == 4833


def test_a_citys_own_store_is_left_alone(settings: Settings) -> None:
    init(settings.database_url, "epoch")
    before = (settings.data / "gridgov.db").read_bytes()
    with pytest.raises(NotTheDemo, match="GRIDGOV_DATA"):
        prepare(settings, quiet)
    with pytest.raises(NotTheDemo, match="not deleted"):
        start_over(settings)
    assert (settings.data / "gridgov.db").read_bytes() == before
    assert not people_file(settings.data).exists()


def test_starting_over_deletes_the_demo_and_nothing_else(settings: Settings) -> None:
    demo_in(settings.data)
    (settings.photo_folder / "ab").mkdir(parents=True)
    (settings.data / "notes.txt").write_text("mine")
    with WriterLock(settings.data / "gridgov.db"), pytest.raises(StoreHeld):
        start_over(settings)
    assert people_file(settings.data).exists()
    start_over(settings)
    assert {path.name for path in settings.data.iterdir()} == {"gridgov.db.lock", "notes.txt"}
    start_over(settings)


def test_a_damaged_file_of_passwords_is_named(settings: Settings) -> None:
    settings.data.mkdir()
    people_file(settings.data).write_text("admin\tsecret\n")
    with pytest.raises(BadPeopleFile, match="--fresh"):
        prepare(settings, quiet)


def test_the_demo_lives_in_a_folder_of_its_own_unless_told_otherwise(tmp_path: Path) -> None:
    assert demo_settings(Settings(), None).data == Path("var/demo")
    assert demo_settings(Settings(data=tmp_path), 8021).data == tmp_path
    assert demo_settings(Settings(data=tmp_path), 8021).port == 8021


def lives(pid: int) -> bool:
    """Is this process there, and not only waiting for its end to be noticed?"""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_command_prints_passwords_serves_simulates_and_stops_in_order(tmp_path: Path) -> None:
    cast: tuple[Cast, ...] = demo_in(tmp_path / "demo")
    with demo_command(
        tmp_path / "demo", "--simulate", "--reports", "2", "--pace", "0", "--seed", "7"
    ) as process:
        said = read_until(process, "is up")
        assert "虚构" in said
        assert all(one.name in said and one.password in said for one in cast)
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None
        page = httpx2.get(found[0], trust_env=False).text
        assert "虚构" in page
        assert "4,833" in page or "4833" in page
        ended = read_until(process, "ended:")
        assert "seed 7" in ended
        assert "2 reports" in ended
        assert "refused" not in ended
        workers = children_of(process.pid)
    assert process.returncode == 0
    end = time.monotonic() + 10
    while any(map(lives, workers)):
        assert time.monotonic() < end, "the simulation lives on without its server"
        time.sleep(0.05)
