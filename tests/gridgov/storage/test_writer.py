"""The one write path: what is acknowledged is there once, what is refused changes nothing, order is commit
order.
"""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from dispatch.errors import NotForThisRole, NotInThisStage, ReasonMissing, UnknownCategory
from dispatch.lifecycle import Act, Stage
from geodata.datum import Datum
from gridgov import commands
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.errors import MissingNumber
from gridgov.storage import ledger
from gridgov.storage.batch import Batch
from gridgov.storage.engine import WriterLock, open_engine
from gridgov.storage.errors import (
    IdReused,
    Stale,
    StoreBusy,
    StoreFailed,
    StoreHeld,
    StoreNotReady,
    UnknownIncident,
)
from gridgov.storage.rebuild import differences
from gridgov.storage.setup import init, require_current
from gridgov.storage.tables import EntryRow, IncidentRow
from gridgov.storage.writer import Chore
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town


def stored(town: Town, id_: str) -> dict[str, Any]:
    table = IncidentRow.__table__
    with town.reader.connect() as connection:
        return dict(connection.execute(select(table).where(table.c.id == id_)).mappings().one())


def entries(town: Town) -> list[dict[str, Any]]:
    with town.reader.connect() as connection:
        return [dict(row) for row in ledger.every_entry(connection)]


def test_a_report_is_located_routed_numbered_and_kept(town: Town) -> None:
    receipt = town.report(scene.COVER, scene.at("N2"), words="井盖破损", address="北街 12 号")
    row = stored(town, receipt.incident)
    assert (row["stage"], row["path"], row["department"]) == ("intake", "D/N/N2/", "water")
    assert row["case_number"] == receipt.case_number == "D-20261123-00001"
    assert (row["address"], row["raw_lon"], row["datum"]) == ("北街 12 号", 114.015, "wgs84")
    assert receipt.position == 1
    assert town.report().case_number == "D-20261123-00002"


@pytest.mark.parametrize(
    ("position", "outside"), [(None, False), (scene.OUTSIDE, True)], ids=["no position", "outside every grid"]
)
def test_what_has_no_place_is_kept_in_the_tray(town: Town, position: Any, outside: bool) -> None:
    row = stored(town, town.report(scene.RUBBISH, position).incident)
    assert (row["path"], row["department"]) == ("", "cleaning")
    if outside:
        assert row["nearest"] in ("D/S/S2/", "D/N/N2/")
        assert 49_000 < row["outside_m"] < 50_000  # 0.48 degrees of longitude at 22.5 north


def test_the_main_line_from_report_to_closure(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    town.act(scene.CLERK, Act.FILE, id_, 1)
    town.act(scene.DISPATCHER, Act.DISPATCH, id_, 2)
    assert stored(town, id_)["lead"] == "water"
    town.act(scene.WATER, Act.HANDLE, id_, 3, reason="换了新井盖")
    town.act(scene.INSPECTOR, Act.CHECK, id_, 4, passed=True)
    town.act(scene.DISPATCHER, Act.CLOSE, id_, 5)
    row = stored(town, id_)
    assert (row["stage"], row["number"], row["dispatches"]) == ("closed", 6, 1)
    assert row["closed_at"] == row["updated_at"] > row["reported_at"]


def test_the_same_id_again_is_answered_with_the_first_receipt(town: Town) -> None:
    id_ = str(uuid.uuid4())
    first = town.report(id=id_, words="一")
    again = town.report(id=id_, words="一")
    assert again.repeated
    assert not first.repeated
    assert (again.position, again.case_number, again.incident) == (first.position, first.case_number, id_)
    assert len(entries(town)) == 1


def test_the_same_id_with_other_content_is_a_conflict(town: Town) -> None:
    id_ = town.report(words="一").id
    with pytest.raises(IdReused):
        town.report(id=id_, words="二")
    assert len(entries(town)) == 1


def test_a_stale_act_is_told_what_happened_meanwhile(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("S1")).incident
    town.act(scene.CLERK, Act.FILE, id_, 1)
    town.act(scene.DISPATCHER, Act.DISPATCH, id_, 2)
    with pytest.raises(Stale) as refused:
        town.act(scene.LEADER, Act.DISPATCH, id_, 2, department="cleaning")
    assert [e["kind"] for e in refused.value.about["meanwhile"]] == ["dispatched"]
    assert refused.value.about["number"] == 3
    assert stored(town, id_)["lead"] == "water"


@pytest.mark.parametrize(
    ("by", "act", "more", "error"),
    [
        (scene.CLERK, Act.HANDLE, {"reason": "x"}, NotInThisStage),
        (scene.DISPATCHER, Act.FILE, {}, NotForThisRole),
        (scene.WATER, Act.FILE, {}, UnknownIncident),
        (scene.CLERK, Act.REJECT, {"reason": "  "}, ReasonMissing),
        (scene.CLERK, Act.FILE, {"category": "t:event:dragon"}, UnknownCategory),
    ],
)
def test_a_refused_act_changes_nothing(
    town: Town, by: Any, act: Act, more: dict[str, Any], error: type
) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    before = stored(town, id_)
    with pytest.raises(error):
        town.act(by, act, id_, 1, **more)
    assert stored(town, id_) == before
    assert len(entries(town)) == 1


def test_an_act_without_the_number_seen_is_refused(town: Town) -> None:
    with pytest.raises(MissingNumber):
        town.act(scene.CLERK, Act.FILE, town.report().incident, None)


def test_a_refused_report_gives_no_case_number_away(town: Town) -> None:
    with pytest.raises(UnknownCategory):
        town.report("t:event:dragon")
    assert town.report().case_number.endswith("-00001")


def test_in_one_batch_the_second_command_sees_the_first(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    file = [commands.act(scene.CLERK, SentAct(str(uuid.uuid4()), id_, Act.FILE, 1)) for _ in range(2)]
    next_ = commands.act(scene.DISPATCHER, SentAct(str(uuid.uuid4()), id_, Act.DISPATCH, 2))
    with town.written.begin() as connection:
        batch = Batch(connection, ledger.lock_head(connection), town.in_force, scene.MONDAY)
        batch.prepare([*file, next_])
        assert batch.decide(file[0]).number == 2
        with pytest.raises(Stale):
            batch.decide(file[1])
        assert batch.decide(next_).number == 3
        batch.write()
    assert stored(town, id_)["stage"] == Stage.HANDLING


def test_many_at_once_are_all_kept_in_one_order_without_holes(town: Town) -> None:
    done: list[Future[Any]] = []
    guard = threading.Lock()

    def send(many: int) -> None:
        for _ in range(many):
            waiting = town.writer.submit(
                commands.report(scene.INSPECTOR, SentReport(str(uuid.uuid4()), scene.NOISE, "inspector"))
            )
            with guard:
                done.append(waiting)

    threads = [threading.Thread(target=send, args=(50,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts = [waiting.result(30) for waiting in done]
    assert sorted(r.position for r in receipts) == list(range(1, 401))
    assert len({r.case_number for r in receipts}) == 400
    assert [c.position for c in town.committed] == list(range(1, 401))
    with town.reader.connect() as connection:
        assert list(differences(connection)) == []


def test_one_command_that_the_store_cannot_hold_does_not_take_the_batch_with_it(town: Town) -> None:
    """A number too large for the column breaks the statement of the whole batch; the others are kept all the
    same.
    """
    good = commands.report(scene.INSPECTOR, SentReport(str(uuid.uuid4()), scene.NOISE, "inspector"))
    bad = commands.report(scene.INSPECTOR, SentReport(str(uuid.uuid4()), scene.NOISE, {"not": "text"}))  # type: ignore[arg-type]
    outcomes = town.writer._commit([good, bad])
    assert outcomes[0].position == 1
    assert isinstance(outcomes[1], StoreFailed)
    assert len(entries(town)) == 1


def test_time_never_goes_back_within_the_ledger(town: Town) -> None:
    town.report()
    town.clock.now = scene.MONDAY.replace(year=2025)
    town.report()
    first, second = entries(town)
    assert second["recorded_at"] == first["recorded_at"]


def test_a_clock_that_runs_ahead_is_marked_not_refused(town: Town) -> None:
    ahead = town.report(happened_at=scene.MONDAY.replace(hour=5))
    assert 10_700 < stored(town, ahead.incident)["clock_ahead_s"] < 10_800
    (row,) = entries(town)
    assert row["happened_at"] == row["recorded_at"]


def test_the_chain_of_hashes_covers_every_stored_byte(town: Town) -> None:
    for _ in range(3):
        town.report()
    rows = entries(town)
    for name in ("body", "by", "kind", "recorded_at", "command", "number"):
        changed = dict(rows[0])
        changed[name] = f"{changed[name]}x"
        assert ledger.entry_hash(changed) != rows[1]["previous"]
    assert ledger.entry_hash(rows[0]) == rows[1]["previous"]


def test_importing_the_same_row_twice_changes_nothing(town: Town) -> None:
    row = ImportedRow(
        "old",
        "7",
        "phone",
        "noise",
        "police",
        "Closed",
        True,
        scene.LONG_AGO,
        scene.MONDAY,
        lon=114.005,
        lat=22.515,
        datum=Datum.wgs84,
    )
    first, again = (town.writer.run(commands.import_row("keeper", row)) for _ in range(2))
    assert not first.repeated
    assert again.repeated
    kept = stored(town, first.incident)
    assert (kept["stage"], kept["path"], kept["source_number"], kept["limit"]) == (
        "closed",
        "D/N/N1/",
        "7",
        None,
    )
    assert kept["case_number"] == "D-20200101-00001"
    other = ImportedRow("old", "7", "phone", "noise", "police", "Open", False, scene.LONG_AGO)
    with pytest.raises(IdReused):
        town.writer.run(commands.import_row("keeper", other))


def test_a_stopped_writer_refuses_and_says_so(town: Town) -> None:
    town.writer.stop()
    with pytest.raises(StoreBusy):
        town.report()


def test_a_reader_that_fails_takes_nobody_with_it(town: Town) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a reader's fault")

    town.writer._on_commit = fail
    assert town.report().position == 1
    assert town.report().position == 2


def test_whoever_sends_while_the_writer_stops_is_answered(town: Town) -> None:
    """Every command is either done or refused at once; none waits for ever behind the end of the queue."""
    answers: list[str] = []

    def send() -> None:
        for _ in range(200):
            command = commands.report(
                scene.INSPECTOR, SentReport(str(uuid.uuid4()), scene.NOISE, "inspector")
            )
            try:
                waiting = town.writer.submit(command)
            except StoreBusy:
                answers.append("refused")
            else:
                assert waiting.result(20).number == 1
                answers.append("done")

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    town.writer.stop()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 800
    assert "refused" in answers
    assert len(entries(town)) == answers.count("done")


def test_a_chore_that_fails_leaves_nothing_behind(town: Town) -> None:
    def half(connection: Any, _: Any) -> None:
        connection.execute(text("INSERT INTO serial VALUES ('main', '2020-01-01', 5)"))
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        town.writer.run(Chore(half))
    with town.reader.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM serial")).scalar_one() == 0
    town.report()


def test_one_process_writes_at_a_time_and_says_who(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    with WriterLock(database) as lock:
        lock.describe(url="http://127.0.0.1:1", token="secret")
        assert (lock.path.stat().st_mode & 0o777) == 0o600
        with pytest.raises(StoreHeld) as held:
            WriterLock(database).acquire()
        assert held.value.about["url"] == "http://127.0.0.1:1"
        assert "secret" not in str(held.value)
    WriterLock(database).acquire().release()


def test_files_that_others_could_read_are_closed_to_them(tmp_path: Path) -> None:
    files = [tmp_path / f"z.db{end}" for end in ("", "-wal", "-shm", ".lock")]
    for file in files:
        file.touch()
        file.chmod(0o644)
    init(f"sqlite:///{files[0]}", "e")
    with WriterLock(files[0]):
        assert {oct(file.stat().st_mode & 0o777) for file in files if file.exists()} == {"0o600"}
    assert files[-1].exists()


def test_a_store_that_is_missing_or_old_is_refused_with_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'y.db'}"
    with pytest.raises(StoreNotReady, match="gridgov init"):
        require_current(open_engine(url))
    assert init(url, "e")
    assert not init(url, "e")
    assert ((tmp_path / "y.db").stat().st_mode & 0o777) == 0o600
    engine = open_engine(url, writes=True)
    require_current(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(StoreNotReady, match="0000"):
        require_current(engine)
    engine.dispose()


def test_readers_cannot_write(town: Town) -> None:
    with town.reader.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(text("DELETE FROM entry"))


def test_entries_are_never_given_to_two_incidents_of_the_same_number(town: Town) -> None:
    town.report()
    table = EntryRow.__table__
    with town.reader.connect() as connection:
        row = dict(connection.execute(select(table)).mappings().one())
    row["position"] = 2
    with pytest.raises(Exception, match="UNIQUE"), town.written.begin() as connection:
        ledger.append(connection, [row])


@pytest.mark.parametrize("engine", ["reader", "written"])
def test_an_error_of_the_store_does_not_tell_what_citizens_wrote(town: Town, engine: str) -> None:
    asked = text("SELECT * FROM nowhere WHERE words = :words")
    with (
        pytest.raises(OperationalError, match="nowhere") as failed,
        getattr(town, engine).connect() as connection,
    ):
        connection.execute(asked, {"words": "王小明 13800000000"})
    assert "王小明" not in str(failed.value)


def test_the_same_id_with_other_words_is_a_conflict_until_they_are_erased(town: Town) -> None:
    """Words are compared where they are kept: no hash of them survives their erasure."""
    sent = {"id": str(uuid.uuid4()), "words": "井盖", "reporter_phone": "13800138000"}
    first = town.report(**sent)
    assert town.report(**sent).repeated
    with pytest.raises(IdReused):
        town.report(**(sent | {"reporter_phone": "13800138001"}))
    with town.written.begin() as connection:
        connection.execute(text("UPDATE private SET reporter_phone = NULL, words = NULL, erased_at = 1"))
    assert town.report(**sent).position == first.position


def test_nothing_kept_beside_the_private_words_depends_on_them(town: Town) -> None:
    """The receipt's digest is the same whatever the reporter is called; the ledger's reference is salted."""
    id_ = str(uuid.uuid4())
    one, other = (
        commands.report(
            scene.INSPECTOR, SentReport(id_, scene.NOISE, "web", reporter_phone=phone, words=phone)
        )
        for phone in ("13800138000", "13900139000")
    )
    assert one.digest == other.digest
    row = ImportedRow("old", "7", "phone", "noise", "police", "Open", False, scene.LONG_AGO, words="王先生")
    first, second = (commands.import_row("keeper", row) for _ in range(2))
    assert first.digest == second.digest
    assert first.words is not None
    assert second.words is not None
    assert first.words.reference() != second.words.reference()


def test_an_imported_row_with_other_words_is_a_conflict(town: Town) -> None:
    row = ImportedRow("old", "7", "phone", "noise", "police", "Open", False, scene.LONG_AGO, words="一")
    assert not town.writer.run(commands.import_row("keeper", row)).repeated
    assert town.writer.run(commands.import_row("keeper", row)).repeated
    for other in ({"words": "二"}, {"words": None}, {"address": "北街"}):
        with pytest.raises(IdReused):
            town.writer.run(commands.import_row("keeper", replace(row, **other)))


def test_whoever_brings_history_in_is_not_its_reporter(town: Town) -> None:
    row = ImportedRow("old", "7", "phone", "noise", "police", "Open", False, scene.LONG_AGO)
    assert stored(town, town.writer.run(commands.import_row("keeper", row)).incident)["reported_by"] == ""
