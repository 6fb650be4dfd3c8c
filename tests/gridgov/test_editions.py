"""Boundaries drawn anew: at a date, with open incidents located again and assignments carried over."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from dispatch.entries import SYSTEM, Relocated
from dispatch.lifecycle import Act
from geodata.errors import UnacceptedFindings
from gridgov import city, relocation
from gridgov.editions import Atlases
from gridgov.errors import (
    BadInput,
    EditionInForce,
    EditionScheduled,
    UnknownEdition,
)
from gridgov.relocation import Relocator
from gridgov.service import Service
from gridgov.siting import SentPosition
from gridgov.storage import ledger
from gridgov.storage.errors import Stale, StoreBusy, StoreFailed
from gridgov.storage.rebuild import differences
from tests.gridgov import scene
from tests.gridgov.conftest import Site
from tests.gridgov.redrawn import FRIDAY, act, entries, import_, place, report, set_clock, states


def test_an_edition_takes_effect_at_its_date_and_open_incidents_are_located_again(service: Service) -> None:
    open_one, in_work, closed = (report(service, scene.at(grid)) for grid in ("N1", "N2", "S1"))
    act(service, scene.CLERK, Act.FILE, in_work, 1)
    act(service, scene.DISPATCHER, Act.DISPATCH, in_work, 2)
    act(service, scene.LEADER, Act.CANCEL, closed, 1, reason="重复")
    done = import_(service, scene.redrawn(), effective_at=FRIDAY)
    assert (done.edition, done.new) == (2, True)
    assert service.in_force.atlas.edition == 1
    assert states(service) == {1: "in_force", 2: "scheduled"}
    before = report(service, scene.at("S1"))
    assert place(service, before) == (("D", "S", "S1"), 1)

    set_clock(service, FRIDAY)
    after = report(service, scene.at("S1"))
    assert place(service, after) == (("D", "S", "S3"), 2)
    assert states(service) == {1: "past", 2: "in_force"}
    assert service.relocator.sweep() == 3
    assert service.relocator.sweep() == 0
    assert place(service, open_one) == (("D", "N", "N3"), 2)
    assert place(service, in_work) == (("D", "N", "N3"), 2)
    assert place(service, before) == (("D", "S", "S3"), 2)
    assert place(service, closed) == (("D", "S", "S1"), 1)
    entry = entries(service, open_one)[-1]
    assert isinstance(entry.fact, Relocated)
    assert (entry.fact.was, entry.fact.was_edition, entry.by) == (("D", "N", "N1"), 1, SYSTEM)
    assert entry.fact.route is not None
    assert entries(service, in_work)[-1].fact.route is None, "a department has it: it stays there"
    with service.reader.connect() as connection:
        assert list(differences(connection)) == []


def test_the_date_alone_puts_an_edition_in_force_when_nobody_writes(service: Service) -> None:
    waiting = report(service, scene.at("N1"))
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    relocator = Relocator(service.reader, service.writer, service.clock)
    assert not relocator._due()
    set_clock(service, FRIDAY)
    assert relocator._due()
    assert service.in_force.atlas.edition == 2
    relocator.sweep()
    assert place(service, waiting) == (("D", "N", "N3"), 2)


def test_the_index_of_an_edition_to_come_is_built_before_its_date(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built at the switch, every report would wait for it."""
    built: list[int] = []
    monkeypatch.setattr(relocation, "atlas_of", lambda _, edition: built.append(edition))
    relocator = Relocator(service.reader, service.writer, service.clock)
    assert not relocator._due()
    assert built == []
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    assert not relocator._due()
    assert not relocator._due()
    assert built == [2]


def test_what_an_earlier_process_left_is_taken_up_at_the_next_start(service: Service) -> None:
    waiting = [report(service, scene.at("N1")) for _ in range(5)]
    import_(service, scene.redrawn())
    assert {place(service, one) for one in waiting} == {(("D", "N", "N1"), 1)}
    service.relocator.start()
    service.relocator.start()
    for _ in range(200):
        if {place(service, one)[1] for one in waiting} == {2}:
            break
        service.relocator._stopped.wait(0.05)
    assert {place(service, one) for one in waiting} == {(("D", "N", "N3"), 2)}


def relocated(service: Service, incidents: Sequence[str]) -> bool:
    """Whether all of them lie in edition 2, within ten seconds."""
    for _ in range(200):
        if {place(service, one)[1] for one in incidents} == {2}:
            return True
        service.relocator._stopped.wait(0.05)
    return False


@pytest.mark.slow
def test_a_busy_store_only_puts_off_what_has_to_be_located_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [report(service, scene.at("N1")) for _ in range(3)]
    import_(service, scene.redrawn())
    refusals, submit = [StoreBusy(), StoreFailed(cause="OperationalError")], service.writer.submit

    def busy(work: Any) -> Future[Any]:
        if not refusals:
            return submit(work)
        refusal = refusals.pop(0)
        if isinstance(refusal, StoreBusy):
            raise refusal
        failed: Future[Any] = Future()
        failed.set_exception(refusal)
        return failed

    monkeypatch.setattr(service.writer, "submit", busy)
    monkeypatch.setattr(relocation, "LOOK_S", 0.05)
    service.relocator.start()
    assert relocated(service, waiting)
    assert not refusals


def test_a_switch_that_was_not_committed_did_not_happen_and_is_told_when_it_does(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, told = report(service, scene.at("N1")), list[int]()
    service.on_switch.append(lambda: told.append(service.in_force.atlas.edition))
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    set_clock(service, FRIDAY)
    with monkeypatch.context() as broken:
        broken.setattr(ledger, "append", _full)
        with pytest.raises(StoreFailed):
            report(service, scene.at("S1"))
    assert service.in_force.atlas.edition == 1
    assert told == []
    report(service, scene.at("S1"))
    assert told == [2]
    service.relocator.start()
    assert relocated(service, [waiting])


def _full(*_: object) -> None:
    raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))


def test_what_lies_in_the_tray_is_found_a_grid_when_one_is_drawn_there(service: Service) -> None:
    outside = SentPosition(114.025, 22.505, scene.at("N1").datum)
    waiting, nowhere = report(service, outside), report(service, None)
    assert place(service, waiting) == ((), 1)
    import_(service, scene.redrawn(S5=("S", (114.02, 22.50, 114.03, 22.51))))
    assert service.relocator.sweep() == 1
    assert place(service, waiting) == (("D", "S", "S5"), 2)
    assert place(service, nowhere) == ((), None)


def test_a_number_seen_before_the_switch_is_still_good_where_the_grid_stayed(service: Service) -> None:
    stayed, moved = report(service, scene.at("S2")), report(service, scene.at("N1"))
    import_(service, scene.redrawn())
    service.relocator.sweep()
    assert act(service, scene.CLERK, Act.FILE, stayed, 1).number == 3
    with pytest.raises(Stale):
        act(service, scene.CLERK, Act.FILE, moved, 1)


def test_what_is_reopened_after_the_switch_is_located_again(service: Service) -> None:
    ended = report(service, scene.at("N1"))
    act(service, scene.CLERK, Act.REJECT, ended, 1, reason="不属实")
    import_(service, scene.redrawn())
    assert service.relocator.sweep() == 0
    service.relocator._wake.clear()
    act(service, scene.LEADER, Act.REOPEN, ended, 2, reason="属实")
    assert service.relocator._wake.is_set()
    assert service.relocator.sweep() == 1
    assert place(service, ended) == (("D", "N", "N3"), 2)


def test_the_same_drawing_again_changes_nothing(service: Service) -> None:
    assert import_(service, scene.hierarchy(), "first") == city.Imported(
        1, False, import_(service, scene.hierarchy(), "first").effective_at
    )
    first = import_(service, scene.redrawn(), effective_at=FRIDAY)
    again = import_(service, scene.redrawn(), effective_at=FRIDAY)
    assert (again.edition, again.new, again.effective_at) == (2, False, first.effective_at)


def test_one_edition_waits_at_a_time_and_can_be_withdrawn(service: Service) -> None:
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    with pytest.raises(EditionScheduled, match="edition 2 waits"):
        import_(service, scene.redrawn(), effective_at=FRIDAY + timedelta(days=1))
    with pytest.raises(EditionScheduled):
        import_(service, scene.redrawn(), "now")
    with pytest.raises(EditionInForce):
        service.writer.run(city.withdraw(1, "test"))
    with pytest.raises(UnknownEdition):
        service.writer.run(city.withdraw(9, "test"))
    service.writer.run(city.withdraw(2, "test"))
    service.writer.run(city.withdraw(2, "test"))
    set_clock(service, FRIDAY)
    report(service, scene.at("N1"))
    assert states(service) == {1: "in_force", 2: "withdrawn"}
    assert import_(service, scene.redrawn()).edition == 3
    with pytest.raises(EditionInForce):
        service.writer.run(city.withdraw(3, "test"))


def test_a_date_that_has_passed_is_refused(service: Service) -> None:
    with pytest.raises(BadInput, match="or later"):
        import_(service, scene.redrawn(), effective_at=scene.LONG_AGO)
    assert states(service) == {1: "in_force"}


def test_which_edition_was_in_force_when(service: Service) -> None:
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    with service.reader.connect() as connection:
        assert city.in_force_at(connection, scene.LONG_AGO) == 1
        assert city.in_force_at(connection, FRIDAY - timedelta(seconds=1)) == 1
        assert city.in_force_at(connection, FRIDAY) == 2
        assert city.atlas_of(connection, 2).hierarchy.grid(("D", "N", "N3"))
        with pytest.raises(UnknownEdition):
            city.atlas_of(connection, 3)


def test_a_retired_code_is_not_taken_up_for_another_place_unless_that_is_accepted(service: Service) -> None:
    import_(service, scene.redrawn())
    elsewhere = scene.redrawn(N1=("S", (114.02, 22.50, 114.03, 22.51)))
    with pytest.raises(UnacceptedFindings, match="CODE_REUSED") as refused:
        import_(service, elsewhere, "third")
    accepted = [found.to_dict() | {"accepted": "the city renumbers"} for found in refused.value.findings]
    assert import_(service, elsewhere, "third", findings=accepted).edition == 3
    with service.reader.connect() as connection:
        assert [one["accepted"] for one in city.findings_of(connection, 3)] == ["the city renumbers"]


def test_the_index_of_an_edition_is_kept_beside_the_store_and_made_anew_where_it_is_damaged(
    service: Service,
) -> None:
    folder = service.settings.data / "index"
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with service.reader.connect() as connection:
        atlas = Atlases().atlas(connection, 1)
    assert atlas is not None
    assert atlas.locator.index(114.005, 22.515) >= 0
    assert file.read_bytes() == whole


def test_whoever_looks_at_the_incident_is_told_that_nobody_moved_it(site: Site) -> None:
    receipt = site.as_("inspector").report()
    import_(site.service, scene.redrawn())
    site.service.relocator.sweep()
    told = site.as_("leader").get(f"/api/incidents/{receipt['incident']}").json()
    entry = told["history"][-1]
    assert (entry["kind"], entry["by_name"], entry["act_zh"]) == ("relocated", "系统 system", "重新定位")
    assert entry["body"]["was"] == ["D", "N", "N1"]
    assert told["row"]["path"] == ["D", "N", "N3"]
    assert "relocate" not in told["acts"]
    refused = site.as_("leader").act("relocate", receipt["incident"], 2)
    assert refused.status_code in (404, 405, 422)


def test_an_edition_that_cannot_be_put_in_force_holds_up_nobody_and_can_be_withdrawn(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    tried = []

    def breaks(*_: Any) -> bool:
        tried.append(1)
        raise ValueError("the ground is gone")

    right = service.writer._switch
    monkeypatch.setattr(service.writer, "_switch", breaks)
    set_clock(service, FRIDAY)
    assert place(service, report(service, scene.at("N1"))) == (("D", "N", "N1"), 1)
    report(service, scene.at("N1"))
    assert len(tried) == 1
    set_clock(service, FRIDAY + timedelta(minutes=2))
    report(service, scene.at("N1"))
    assert len(tried) == 2
    service.writer.run(city.withdraw(2, "test"))
    monkeypatch.setattr(service.writer, "_switch", right)
    set_clock(service, FRIDAY + timedelta(minutes=9))
    assert place(service, report(service, scene.at("N1"))) == (("D", "N", "N1"), 1)
    assert states(service) == {1: "in_force", 2: "withdrawn"}
