"""A week's rota once more, and a rota as a table: each row by itself, a dry run that writes nothing."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from geodata.errors import UnknownGrid
from gridgov.duty import keeping, table, weeks
from gridgov.duty.errors import BadDuty
from gridgov.errors import BadInput, OutsideScope
from tests.gridgov.conftest import Site
from tests.gridgov.duty.shifts import N, hours, may, put

#: The town's clock runs on Monday 23 November 2026.
MONDAY = date(2026, 11, 23)
SHANGHAI = "Asia/Shanghai"


def rota(service, since=0.0, until=24 * 21):
    with service.reader.connect() as connection:
        found = keeping.between(connection, hours(since), hours(until))
    return [(s.person, s.path[-1], s.starts_at, s.ends_at, s.stand_in_for) for s in found]


def in_the_north(path) -> None:
    if path[:2] != N:
        raise OutsideScope(path=list(path))


def counted(outcomes):
    return weeks.counted(one.outcome for one in outcomes)


def copy(service, by=1, zone=SHANGHAI, may=may, **more):
    return service.writer.run(weeks.copy_week(MONDAY, by, zone, "leader", may, **more))


def test_a_week_is_copied_to_the_next(service) -> None:
    put(service, "inspector_n", "N1", 1, 8)
    put(service, "inspector_s", "S1", 25, 33)
    put(service, "inspector", "N1", 2, 3, for_="inspector_n")
    put(service, "inspector_s", "S1", 24 * 7, 24 * 7 + 1)
    before = rota(service)
    outcomes = copy(service)
    assert counted(outcomes) == {"added": 2, "there": 0, "refused": 0}
    week = timedelta(weeks=1)
    added = [(p, g, a + week, b + week, None) for p, g, a, b, for_ in before[:3] if for_ is None]
    assert sorted(rota(service)) == sorted([*before, *added])
    assert counted(copy(service)) == {"added": 0, "there": 2, "refused": 0}


def test_a_dry_run_says_the_same_and_writes_nothing(service) -> None:
    put(service, "inspector_n", "N1", 1, 8)
    before = rota(service)
    tried = copy(service, dry_run=True)
    assert rota(service) == before
    done = copy(service)
    assert [(o.outcome, o.why) for o in tried] == [(o.outcome, o.why) for o in done] == [("added", "")]


def test_only_where_one_may_write_and_what_is_in_the_way_is_said(service) -> None:
    put(service, "inspector_n", "N1", 1, 8)
    put(service, "inspector_s", "S1", 1, 8)
    put(service, "inspector_n", "N2", 24 * 7 + 2, 24 * 7 + 3)
    (only,) = copy(service, may=in_the_north)
    assert (only.asked.person, only.outcome) == ("inspector_n", "refused")
    assert "on duty already in D/N/N2" in only.why


def test_a_grid_that_is_no_more_is_said(service) -> None:
    def known(path) -> None:
        if path[-1] == "N1":
            raise UnknownGrid(path)

    put(service, "inspector_n", "N1", 1, 8)
    (only,) = copy(service, may=known)
    assert only.outcome == "refused"
    assert "D/N/N1" in only.why


def test_the_same_times_on_the_wall_where_clocks_change(service) -> None:
    """In New York clocks went forward between the two Saturdays: 08:00 is an hour earlier in UTC."""
    newyork = ZoneInfo("America/New_York")
    service.clock.now = datetime(2027, 3, 8, 5, 0, tzinfo=UTC)
    starts = datetime(2027, 3, 13, 8, 0, tzinfo=newyork)
    late = keeping.Asked("x", "inspector_n", N, starts, starts + timedelta(hours=9))
    service.writer.run(keeping.add(late, "leader"))
    service.writer.run(weeks.copy_week(date(2027, 3, 8), 1, newyork.key, "leader", may))
    with service.reader.connect() as connection:
        first, second = keeping.of_person(connection, "inspector_n", service.clock.now)
    assert [s.starts_at.astimezone(newyork).hour for s in (first, second)] == [8, 8]
    assert second.starts_at - first.starts_at == timedelta(days=7, hours=-1)


@pytest.mark.parametrize("by", [0, 54])
def test_a_week_is_copied_ahead_and_not_too_far(service, by) -> None:
    with pytest.raises(BadDuty):
        copy(service, by)


# -- a table -----------------------------------------------------------------------------------------

HEAD = "person,path,from,to,stand_in_for\n"


def bring(service, text, may=may, dry_run=False):
    rows = table.read(text, SHANGHAI)
    return [
        (o.line, o.outcome, o.why) for o in service.writer.run(table.bring_in(rows, "leader", may, dry_run))
    ]


def test_rows_are_written_each_by_itself(service) -> None:
    text = (
        f"{HEAD}"
        "inspector,D/N/N1,2026-11-23 20:00,2026-11-23 22:00,inspector_n\n"
        "inspector_n,D/N/N1,2026-11-23 19:00,2026-11-23 23:00,\n"
        "nobody,D/N/N1,2026-11-23 19:00,2026-11-23 23:00,\n"
        "\n"
        "inspector_s,D/N/N1,2026-11-23 19:00,2026-11-23 23:00,\n"
        "inspector_s,D/S/S1,19:00,2026-11-23 23:00,\n"
        "inspector_s,,2026-11-23 19:00,2026-11-23 23:00,\n"
        "inspector_s,D/S/S1,2026-11-23T11:00+00:00,2026-11-23T23:00:00+08:00\n"
        "inspector_s,D/S/S2,2026-11-23 22:00,2026-11-24 06:00\n"
        "inspector_s,D/S/S1,2026-11-22 08:00,2026-11-22 18:00\n"
    )
    tried, done = bring(service, text, dry_run=True), bring(service, text)
    assert tried == done
    assert [(line, outcome) for line, outcome, _ in done] == [
        *((2, "added"), (3, "added"), (4, "refused"), (6, "refused"), (7, "refused"), (8, "refused")),
        *((9, "added"), (10, "refused"), (11, "refused")),
    ]
    why = {line: why for line, _, why in done}
    assert why[4] == "there is nobody called 'nobody'"
    assert "neither 网格员 (inspector) nor" in why[6]
    assert why[7] == "column from holds '19:00', expected a time such as 2026-11-23 08:00"
    assert why[8] == "column path is empty"
    assert "on duty already in D/S/S1" in why[10]
    assert "What is past stays as it was" in why[11]
    assert [(p, g, for_) for p, g, _, _, for_ in rota(service)] == [
        ("inspector_n", "N1", None),
        ("inspector_s", "S1", None),
        ("inspector", "N1", "inspector_n"),
    ]
    again = bring(service, text)
    assert [o for _, o, _ in again] == [o.replace("added", "there") for _, o, _ in done]


def test_a_dry_run_of_a_table_writes_nothing(service) -> None:
    bring(service, f"{HEAD}inspector_n,D/N/N1,2026-11-23 19:00,2026-11-23 23:00\n", dry_run=True)
    assert rota(service) == []


def test_rows_outside_of_ones_grids_are_refused(service) -> None:
    row = "2026-11-23 19:00,2026-11-23 23:00\n"
    text = f"{HEAD}inspector_s,D/S/S1,{row}inspector_n,D/N/N1,{row}"
    assert [o for _, o, _ in bring(service, text, may=in_the_north)] == ["refused", "added"]


def test_a_table_as_a_chinese_office_writes_it() -> None:
    text = '\ufeff网格,人员,开始,结束\r\n"D/N/N1/",wang,2026-11-23 08:00,2026-11-23 18:00\r\n'
    (row,) = table.read(text, SHANGHAI)
    assert (row.asked.person, row.asked.path) == ("wang", ("D", "N", "N1"))
    assert row.asked.starts_at == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "person,path\n", "a;b\n", 'person,path,from,to\n"a\x00\n' + "x" * 200_000]
)
def test_what_is_no_rota(text) -> None:
    with pytest.raises(BadInput):
        table.read(text, SHANGHAI)


def test_a_year_that_cannot_be_meant() -> None:
    (row,) = table.read(f"{HEAD}wang,D/N,0001-01-01 00:00,9999-12-31 23:59\n", SHANGHAI)
    assert row.asked is None
    assert "a year that cannot be meant" in row.why


@pytest.mark.parametrize("week", ["9999-12-31", "0001-01-01", "1899-12-31"])
def test_a_week_that_no_calendar_has_is_refused(site: Site, week: str) -> None:
    answer = site.as_("leader").post("/api/duty/copy_week", {"week": week, "weeks": 53})
    assert answer.status_code == 422, answer.text
