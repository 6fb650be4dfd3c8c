"""Rules and editions in the store: in force together, as versions, without losing what stands in the old ones."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from dispatch.lifecycle import Act
from geodata.grids import Hierarchy
from geodata.locate import Located
from gridgov import city, commands, shipped
from gridgov.commands import SentAct, SentReport
from gridgov.editions import Atlases, digest
from gridgov.errors import UnknownEdition
from gridgov.storage.engine import open_engine
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.ledger import read_head
from gridgov.storage.setup import init
from gridgov.storage.tables import EditionRow, GridRow, RulesRow
from gridgov.storage.writer import Writer
from tests.gridgov import scene

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
EDITION = {"made_up": True, "findings": [{"code": "OVERLAP", "accepted": "as drawn"}], "by": "me"}


class Store:
    """A store of its own with a writer that loads what is in force as the service does."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'a.db'}"
        init(url, "epoch")
        self.reader = open_engine(url)
        self.written = open_engine(url, writes=True)
        self.writer = Writer(self.written, "main", scene.Clock(), city.load_in_force, lambda _: None)
        self.writer.start()

    def run(self, work: Any) -> Any:
        return self.writer.run(work)

    def all(self, table: Any) -> list[Any]:
        with self.reader.connect() as connection:
            return list(connection.execute(select(table.__table__)).mappings())

    def ask(self, question: Any, *about: Any) -> Any:
        with self.reader.connect() as connection:
            return question(connection, *about)

    def report(self, category: str = scene.RUBBISH) -> Any:
        sent = SentReport(
            id=str(uuid.uuid4()), category=category, channel="inspector", position=scene.at("S1")
        )
        return self.run(commands.report(scene.INSPECTOR, sent))

    def cancel(self, receipt: Any) -> None:
        act = SentAct(str(uuid.uuid4()), receipt.incident, Act.CANCEL, receipt.number, reason="a mistake")
        self.run(commands.act(scene.LEADER, act))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.writer.stop()
    made.reader.dispose()
    made.written.dispose()


@pytest.fixture
def settled(store: Store) -> Store:
    """The town's rules and grids in force."""
    store.run(city.apply(TOWN, "me"))
    store.run(city.import_edition(scene.hierarchy(), "first", **EDITION))
    return store


@pytest.mark.parametrize("first", ["rules", "grids"])
def test_nothing_is_in_force_before_both_are_there(store: Store, first: str) -> None:
    works = [city.apply(TOWN, "me"), city.import_edition(scene.hierarchy(), "first", **EDITION)]
    for work in works if first == "rules" else works[::-1]:
        with pytest.raises(NoRulesYet):
            _ = store.writer.in_force
        store.run(work)
    found = store.writer.in_force
    assert (found.rules.version, found.atlas.edition) == (1, 1)
    assert found.city.name_zh == "小镇"
    assert found.rules.routing.rules == scene.rules().routing.rules


def test_what_is_loaded_is_what_was_imported(settled: Store) -> None:
    atlas = settled.writer.in_force.atlas
    drawn = scene.hierarchy()
    assert atlas.hierarchy == drawn
    assert (atlas.name, atlas.made_up) == ("first", True)
    where = scene.at("N2")
    found = atlas.locator.locate(where.lon, where.lat)
    assert isinstance(found, Located)
    assert found.path == ("D", "N", "N2")
    assert settled.ask(city.findings_of, 1) == EDITION["findings"]
    assert {row["path"] for row in settled.all(GridRow)} >= {"D/", "D/N/", "D/N/N1/"}


def test_the_file_comes_back_from_the_store_word_for_word(store: Store) -> None:
    text = TOWN.replace("\n", "\r\n") + "# 备注 \t"
    store.run(city.apply(text, "me"))
    assert city.export(store.ask(city.current)) == text


def test_a_new_version_takes_over_and_the_old_one_stays(settled: Store) -> None:
    before = settled.writer.in_force
    applied = settled.run(city.apply(TOWN.replace('"4wh"', '"8wh"'), "you", seen=1))
    after = settled.writer.in_force
    assert (applied.version, applied.new) == (2, True)
    assert [str(change) for change in applied.changes] == ["category t:component:manhole: limit 4wh → 8wh"]
    assert str(after.rules.categories.get(scene.COVER).limit) == "8wh"
    assert after.atlas.locator is before.atlas.locator, "a change of rules draws no map again"
    assert [(row["version"], row["by"], '"4wh"' in row["text"]) for row in settled.all(RulesRow)] == [
        (1, "me", True),
        (2, "you", False),
    ]


def test_the_same_file_again_changes_nothing(settled: Store) -> None:
    again = settled.run(city.apply(TOWN, "me"))
    assert (again.version, again.new, again.changes) == (1, False, ())
    assert len(settled.all(RulesRow)) == 1


def test_a_bad_file_is_refused_before_anything_is_queued(settled: Store) -> None:
    with pytest.raises(city.BadCityFile):
        city.apply(TOWN.replace("[city]", "[citty]"), "me")
    assert settled.writer.in_force.rules.version == 1


def test_who_planned_on_other_rules_is_told(settled: Store) -> None:
    with pytest.raises(city.RulesMoved) as refused:
        settled.run(city.apply(TOWN + "#", "me", seen=0))
    assert refused.value.about == {"seen": 0, "version": 1}
    assert len(settled.all(RulesRow)) == 1


def test_open_incidents_keep_the_category_they_stand_in(settled: Store) -> None:
    receipts = [settled.report() for _ in range(2)]
    renamed = TOWN.replace('code = "rubbish"', 'code = "litter"').replace("event:rubbish", "event:litter")
    with pytest.raises(city.StillInUse, match="2 open in category 't:event:rubbish'"):
        settled.run(city.apply(renamed, "me"))
    assert settled.writer.in_force.rules.version == 1
    # an alias keeps them: they go on under the new name
    aliased = renamed.replace('name_en = "rubbish"', 'name_en = "rubbish"\naliases = ["t:event:rubbish"]')
    assert settled.run(city.apply(aliased, "me")).version == 2
    filed = SentAct(str(uuid.uuid4()), receipts[0].incident, Act.FILE, receipts[0].number)
    assert settled.run(commands.act(scene.CLERK, filed)).number == receipts[0].number + 1


def test_ended_incidents_hold_no_category_back(settled: Store) -> None:
    settled.cancel(settled.report())
    renamed = TOWN.replace('code = "rubbish"', 'code = "litter"').replace("event:rubbish", "event:litter")
    assert settled.run(city.apply(renamed, "me")).version == 2


def test_a_department_with_open_work_stays(settled: Store) -> None:
    receipt = settled.report(scene.COVER)
    for by, act in ((scene.CLERK, Act.FILE), (scene.DISPATCHER, Act.DISPATCH)):
        sent = SentAct(str(uuid.uuid4()), receipt.incident, act, receipt.number)
        receipt = settled.run(commands.act(by, sent))
    gone = TOWN.replace('code = "water"', 'code = "waters"').replace(
        'department = "water"', 'department = "waters"'
    )
    assert [str(one) for one in settled.ask(city.stranded, city.parse(gone, 0))] == [
        "1 open in department 'water'"
    ]
    with pytest.raises(city.StillInUse) as refused:
        settled.run(city.apply(gone, "me"))
    assert refused.value.about["stranded"] == [{"what": "department", "name": "water", "incidents": 1}]


STANDARD = '\n[[categories.standards]]\ncategory = "t:event:rubbish"\ncode = "street"\nlimit = "2eh"\n'


def test_a_case_standard_with_open_work_may_go_and_a_note_says_so(store: Store) -> None:
    store.run(city.apply(TOWN + STANDARD, "me"))
    store.run(city.import_edition(scene.hierarchy(), "first", **EDITION))
    sent = SentReport(
        str(uuid.uuid4()), scene.RUBBISH, "inspector", position=scene.at("S1"), standard="street"
    )
    receipt = store.run(commands.report(scene.INSPECTOR, sent))
    applied = store.run(city.apply(TOWN, "me"))
    assert any("1 open in case standard 'street' of t:event:rubbish" in note for note in applied.notes)
    filed = SentAct(str(uuid.uuid4()), receipt.incident, Act.FILE, receipt.number)
    after = store.run(commands.act(scene.CLERK, filed)).after
    assert after.standard is None, "filed under the category's own"


def test_the_whole_of_a_file_reaches_the_writer(store: Store) -> None:
    demo = shipped.demo_city()
    store.run(city.apply(demo, "me"))
    store.run(city.import_edition(scene.hierarchy(), "first", **EDITION))
    assert store.writer.in_force.rules == city.parse(demo, 1).rules


def test_a_file_with_a_password_is_not_kept(settled: Store) -> None:
    with pytest.raises(city.BadCityFile, match="no place for one"):
        city.apply(TOWN + '\n[grids]\npostgis = "postgresql://a:sesame@db/x"\n', "me")
    assert [row["version"] for row in settled.all(RulesRow)] == [1]


# -- editions


def redrawn() -> Hierarchy:
    drawn = scene.hierarchy()
    return Hierarchy.build(drawn.levels, [grid for grid in drawn.grids if grid.code != "S2"])


def test_a_new_edition_takes_over_and_the_old_one_stays(settled: Store) -> None:
    again = settled.run(city.import_edition(redrawn(), "second", **EDITION))
    assert (again.edition, again.new) == (2, True)
    found = settled.writer.in_force.atlas
    assert (found.edition, found.name, len(found.hierarchy.lowest)) == (2, "second", 3)
    assert [row["name"] for row in settled.all(EditionRow)] == ["first", "second"]
    assert sum(row["edition"] == 1 for row in settled.all(GridRow)) == len(scene.hierarchy().grids)


def test_what_lies_in_a_grid_that_is_no_more_can_still_be_filed(settled: Store) -> None:
    sent = SentReport(str(uuid.uuid4()), scene.NOISE, "inspector", position=scene.at("S2"))
    receipt = settled.run(commands.report(scene.INSPECTOR, sent))
    settled.run(city.import_edition(redrawn(), "second", **EDITION))
    filed = settled.run(
        commands.act(scene.CLERK, SentAct(str(uuid.uuid4()), receipt.incident, Act.FILE, seen=1))
    )
    assert filed.after.place.path == ("D", "S", "S2")
    assert filed.after.department == "office"


def test_an_edition_that_nobody_imported_has_no_findings(settled: Store) -> None:
    with pytest.raises(UnknownEdition):
        settled.ask(city.findings_of, 2)


def test_the_same_edition_again_changes_nothing(settled: Store) -> None:
    again = settled.run(city.import_edition(scene.hierarchy(), "first", **EDITION))
    assert (again.edition, again.new) == (1, False)
    assert len(settled.all(EditionRow)) == 1


def test_the_same_grids_under_another_name_are_another_edition(settled: Store) -> None:
    assert settled.run(city.import_edition(scene.hierarchy(), "renamed", **EDITION)).edition == 2
    assert settled.writer.in_force.atlas.name == "renamed"


def test_an_edition_that_cannot_be_stored_leaves_everything_as_it_was(settled: Store) -> None:
    chore = city.import_edition(redrawn(), "second", **{**EDITION, "findings": [{"odd": object()}]})
    with pytest.raises(TypeError):
        settled.run(chore)
    assert len(settled.all(EditionRow)) == 1
    assert settled.writer.in_force.atlas.edition == 1


def test_notes_come_with_what_is_applied(settled: Store) -> None:
    applied = settled.run(city.apply(TOWN.replace('under = "D/N"', 'under = "D/X"'), "me"))
    assert any("rule 'north rubbish' can match nothing" in note for note in applied.notes)


def test_a_digest_tells_drawings_apart_and_not_their_order() -> None:
    rows = scene.hierarchy().to_rows()
    assert digest("[]", rows) == digest("[]", rows[::-1])
    for changed in (
        {**rows[-1], "name": "another"},
        {**rows[-1], "responsible_unit": "another"},
        {**rows[-1], "geometry": rows[-1]["geometry"][:-1] + b"\1"},
    ):
        assert digest("[]", [*rows[:-1], changed]) != digest("[]", rows)  # type: ignore[list-item]
    assert digest("[1]", rows) != digest("[]", rows)


def test_two_stores_with_the_same_numbers_never_see_each_others_grids(tmp_path: Path, settled: Store) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = Store(folder)
    other.run(city.apply(TOWN.replace("小镇", "邻镇"), "me"))
    other.run(city.import_edition(redrawn(), "first", **EDITION))
    assert other.writer.in_force.city.name_zh == "邻镇"
    assert len(other.writer.in_force.atlas.hierarchy.lowest) == 3
    with settled.reader.connect() as connection:
        found = city.load_in_force(connection, read_head(connection))
    assert found is not None
    assert found.city.name_zh == "小镇"
    assert len(found.atlas.hierarchy.lowest) == 4
    other.writer.stop()
    other.reader.dispose()
    other.written.dispose()


def test_atlases_keep_a_few_and_build_each_once(settled: Store) -> None:
    settled.run(city.import_edition(redrawn(), "second", **EDITION))
    settled.run(city.import_edition(scene.hierarchy(), "third", **EDITION))
    kept = Atlases(kept=1)

    def atlas(connection: Connection, edition: int) -> Any:
        return kept.atlas(connection, edition)

    first = settled.ask(atlas, 1)
    assert settled.ask(atlas, 3).locator is first.locator, "the same drawing under another number"
    assert settled.ask(atlas, 2).locator is not first.locator
    assert settled.ask(atlas, 1).locator is not first.locator, "forgotten when another came"
    assert settled.ask(atlas, 4) is None


def test_many_threads_get_the_same_atlas(settled: Store) -> None:
    kept, found = Atlases(), []

    def ask() -> None:
        with settled.reader.connect() as connection:
            found.append(kept.atlas(connection, 1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(atlas.locator) for atlas in found}) == 1
