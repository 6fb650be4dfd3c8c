"""The command line while a server holds the store: its writing goes through the server, its reading past it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dispatch.entries import Imported
from gridgov.clock import new_id
from gridgov.importing.run import Outcome
from gridgov.operating import Here, NewPerson, ServerRefused, Through
from gridgov.storage.setup import init
from tests.gridgov import scene
from tests.gridgov.commandline import GRIDS, city_file, history
from tests.gridgov.conftest import OPERATOR, PASSWORD, TOWN, Server
from tests.gridgov.importing.mappings import imported, line
from tests.installation import Installation


@pytest.fixture
def town(server: Server) -> Installation:
    """The command line on the store of a running server, which says so in its lock file."""
    server.service.lock.describe(url=server.url, token=OPERATOR)
    return Installation(server.service.settings.data)


def test_rules_are_applied_through_the_server_and_in_force_at_once(
    town: Installation, server: Server, tmp_path: Path
) -> None:
    file = city_file(tmp_path, (TOWN + GRIDS).replace('limit = "4wh"', 'limit = "2wh"'))
    assert town.done("city", "apply", file, "--json").json["version"] == 2
    limit = server.service.in_force.rules.categories.get(scene.COVER).limit
    assert str(limit) == "2wh"
    assert "nothing changed" in town.done("city", "apply", file).err


def test_grids_are_imported_through_the_server(town: Installation, server: Server, tmp_path: Path) -> None:
    done = town.done("grids", "import", city_file(tmp_path), "--name", "second", "--json").json
    assert (done["edition"], done["new"]) == (2, True)
    assert server.service.in_force.atlas.name == "second"
    assert (
        town.done("grids", "import", city_file(tmp_path), "--name", "second", "--json").json["new"] is False
    )


def test_somebody_added_beside_a_server_can_sign_in_at_once(town: Installation, server: Server) -> None:
    made = town.done(
        "people", "add", "new", "--role", "handler", "--department", "water", "--generate", "--json"
    ).json
    sent = {"name": "new", "password": made["password"], "kind": "bearer"}
    answer = httpx2.post(f"{server.url}/api/sessions", json=sent, trust_env=False)
    assert answer.status_code == 201
    (held,) = answer.json()["person"]["assignments"]
    assert (held["role"], held["department"]) == ("handler", "water")


@pytest.mark.slow
def test_a_history_comes_in_through_the_server(town: Installation, server: Server, tmp_path: Path) -> None:
    table, mapping = history(
        tmp_path, *(line(no=f"A-{n}") for n in range(1203)), line(no="A-0", text="other")
    )
    command = ("incidents", "import", table, "--mapping", mapping, "--json")
    told = town.run(*command)
    assert told.code == 1
    counted = json.loads(told.out)
    assert (counted["imported"], counted["refused"]["by_reason"]) == (1203, {"IdReused": 1})
    assert json.loads(town.run(*command).out)["repeated"] == 1203
    assert town.done("closure", "--json").json["total"]["tally"]["reported"] == 1203


def test_what_the_server_refuses_is_told_in_its_words(town: Installation) -> None:
    ran = town.run("people", "add", "clerk", "--role", "manager", "--generate")
    assert (ran.code, ran.err) == (
        1,
        "gridgov: the running server refused: somebody called 'clerk' is there already\n",
    )


def test_reading_goes_past_the_server(town: Installation, tmp_path: Path) -> None:
    assert len(town.done("people", "list", "--json").json) > 10
    assert town.done("rebuild", "--check", "--json").json == {"differences": []}
    assert town.done("city", "export").out == TOWN
    assert town.done("incidents", "export").out.startswith("id,number,stage")
    table, mapping = history(tmp_path)
    assert (
        town.done("incidents", "import", table, "--mapping", mapping, "--dry-run", "--json").json["imported"]
        == 2
    )


@pytest.mark.parametrize("command", [("rebuild",), ("init",), ("serve", "--port", "0")])
def test_what_needs_the_store_to_itself_says_who_holds_it(
    town: Installation, command: tuple[str, ...]
) -> None:
    ran = town.run(*command)
    assert ran.code == 1
    assert "process" in ran.err
    assert OPERATOR not in ran.err


def test_a_store_held_by_no_server_is_told_so(town: Installation, server: Server, tmp_path: Path) -> None:
    server.service.lock.describe()
    ran = town.run("city", "apply", city_file(tmp_path))
    assert ran.code == 1
    assert "the store is being written by process" in ran.err


def test_a_server_that_does_not_answer_is_told_so(town: Installation, server: Server, tmp_path: Path) -> None:
    server.service.lock.describe(url="http://127.0.0.1:9", token=OPERATOR)
    ran = town.run("city", "apply", city_file(tmp_path))
    assert ran.code == 1
    assert "holds the store and does not answer" in ran.err


def test_the_lock_file_is_for_its_owner_alone(server: Server) -> None:
    """Whoever reads it may act as the operator; so only those may who may read the store as well."""
    server.service.lock.describe(url=server.url, token=OPERATOR)
    assert server.service.lock.path.stat().st_mode & 0o077 == 0


@contextmanager
def through(url: str, token: str = OPERATOR) -> Iterator[Through]:
    """The operator as a client of a server."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, trust_env=False) as client:
        yield Through(client)


@pytest.fixture
def both(server: Server) -> Iterator[tuple[Here, Through]]:
    """The operator in the server's process, and as its client."""
    with through(server.url) as client:
        yield Here(server.service), client


def test_either_way_does_the_same(server: Server, both: tuple[Here, Through]) -> None:
    """Same rows, same entries; same people, same rights."""
    here, client = both
    rows = [imported(no="A-1"), imported(no="A-2", x="", y="", text="", where="")]
    others = [imported(no="B-1"), imported(no="B-2", x="", y="", text="", where="")]
    new = [Outcome(), Outcome()]
    assert here.import_rows(rows) == client.import_rows(others) == new
    again = [Outcome(repeated=True)] * 2
    assert here.import_rows(others) == client.import_rows(rows) == again
    other = imported(no="A-1", text="something else")
    refused = [hand.import_rows([other])[0] for hand in both]
    assert refused[0] == refused[1]
    assert refused[0].code == "IdReused"
    assert here.import_rows([]) == client.import_rows([]) == []
    facts = [_fact(server, number) for number in ("A-2", "B-2")]
    assert facts[0] == facts[1]


def _fact(server: Server, number: str) -> dict[str, Any]:
    leader = {"Authorization": f"Bearer {server.token('leader')}"}
    found = httpx2.get(f"{server.url}/api/incidents", params={"q": number}, headers=leader, trust_env=False)
    (row,) = found.json()["rows"]
    about = httpx2.get(f"{server.url}/api/incidents/{row['id']}", headers=leader, trust_env=False).json()
    (entry,) = about["history"]
    assert entry["kind"] == Imported.__name__.lower()
    return {
        key: value
        for key, value in entry["body"].items()
        if key not in ("case_number", "source_number", "words")
    }


def test_either_way_adds_the_same_people(server: Server, both: tuple[Here, Through]) -> None:
    for number, hand in enumerate(both):
        given = hand.add_person(
            NewPerson(f"given{number}", "某人", scene.Role.MANAGER, ("D",), password=PASSWORD)
        )
        assert set(given) == {"id", "name"}
        made = hand.add_person(NewPerson(f"made{number}", "某人", scene.Role.MANAGER, ("D",)))
        assert set(made) == {"id", "name", "password"}
        assert server.token(f"given{number}")


def test_without_the_token_nothing_goes_through(server: Server) -> None:
    with (
        through(server.url, "guessed") as client,
        pytest.raises(ServerRefused, match="the running server refused"),
    ):
        client.import_rows([imported()])


def test_a_store_is_not_made_beside_another_that_is_held(tmp_path: Path, town: Installation) -> None:
    """Two installations on one machine do not get in each other's way."""
    other = Installation(tmp_path / "other")
    assert init(f"sqlite:///{tmp_path / 'other' / 'gridgov.db'}", new_id())
    other.done("city", "apply", city_file(tmp_path))
    assert town.done("city", "export").out == TOWN
