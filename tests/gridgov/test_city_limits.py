"""Limits that never end: found before a file is in force, and no report is lost where one is in force already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from gridgov import city
from gridgov.city_limits import endless
from gridgov.city_text import BadCityFile
from gridgov.storage.tables import RulesRow, StreamHead
from gridgov.storage.writer import Chore
from tests.gridgov import scene
from tests.gridgov.test_city_store import TOWN, Store

IDLE = '[[calendars]]\nkey = "idle"\nweek = []\n'
NEVER = {
    "intake 9999wd": TOWN + '\n[clocks]\nintake = "9999wd"\n',
    "a calendar that never works": TOWN + f'\n{IDLE}[clocks.calendars]\ndispatch = "idle"\n',
    "the city never works": TOWN.replace("[calendar]", "[calendar]\nweek = []"),
    "a category": TOWN.replace('limit = "2wd"', 'limit = "9999wd"'),
    "a step of the ladder": TOWN
    + '\n[[escalation.steps]]\nlevel = "street"\nroles = ["manager"]\nanswer_within = "9999wd"\n',
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.writer.stop()


@pytest.mark.parametrize("name", NEVER)
def test_a_file_with_a_limit_that_never_ends_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadCityFile, match="would never end"):
        store.run(city.apply(NEVER[name], "admin"))
    assert store.ask(city.current) is None


def test_long_limits_that_end_are_taken() -> None:
    text = TOWN + '\n[clocks]\nintake = "9999eh"\ndispatch = "1000wd"\ncheck = "9999ed"\n'
    assert endless(city.parse(text, 1), scene.MONDAY) == ()
    assert endless(city.parse(TOWN, 1), scene.MONDAY) == ()


@pytest.mark.parametrize("name", ["intake 9999wd", "the city never works", "a step of the ladder"])
def test_reports_are_kept_under_rules_that_were_in_force_before_this_was_refused(
    store: Store, name: str
) -> None:
    store.run(city.apply(TOWN, "admin"))
    store.run(city.import_edition(scene.hierarchy(), "first", made_up=True, findings=[], by="me"))
    version = store.ask(city.current).version

    def bend(connection: Connection, _: datetime) -> None:
        row = {"version": version + 1, "applied_at": 0, "by": "admin", "text": NEVER[name]}
        connection.execute(insert(RulesRow).values(**row))
        connection.execute(update(StreamHead).values(rules=version + 1))

    store.run(Chore(bend))
    told = store.report()
    assert (told.number, told.after.case_number != "") == (1, True)
