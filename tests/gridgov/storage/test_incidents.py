"""Reading lists: what SQL selects through a scope is what the scope says, and pages hold every row once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event, insert, select

from dispatch.lifecycle import Stage
from gridgov.scope import Claim, Scope, Seen
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.incidents import Wanted, in_claims, in_scope, one, page
from gridgov.storage.sight import of_department, of_person
from gridgov.storage.tables import IncidentRow, SightRow, path_text

_table = IncidentRow.__table__
_sight = SightRow.__table__

#: Codes that sort and compare awkwardly: beginnings of each other, around the slash, Chinese, none at all.
CODES = ("a", "a0", "ab", "A", "0", ".", "-", "街", "~")
PATHS = [(), *((c,) for c in CODES), *itertools.product(CODES, CODES), ("a", "a", "a"), ("a", "a0", "b")]
LEADS = (None, "water", "cleaning")
PEOPLE = ("wang", "li")
#: Who sees a row beside its lead and its reporter; co-handlers only while a department has it.
OTHERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ()),
    (("cleaning",), ("li",)),
    (("water", "fire"), ("zhao", "wang")),
)

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> Iterator[tuple[Connection, dict[str, tuple[Row, Seen]]]]:
    """A row for every path, lead, reporter and others who see it; and what decides who does."""
    engine = create_engine("sqlite://")
    _table.create(engine)
    _sight.create(engine)
    filled: dict[str, tuple[Row, Seen]] = {}
    sight = []
    for path, lead, by, (co_handlers, people) in itertools.product(PATHS, LEADS, PEOPLE, OTHERS):
        row = blank(len(filled) + 1, path, lead, by)
        co_handlers = tuple(one for one in co_handlers if lead is not None and one != lead)
        departments = () if lead is None else (lead, *co_handlers)
        filled[row["id"]] = row, Seen(path, departments, (by, *people))
        keys = [*map(of_department, co_handlers), *(of_person(one) for one in people if one != by)]
        sight += [
            {"stream": "main", "who": who, "incident": row["id"], "first": row["first"]} for who in keys
        ]
    with engine.connect() as connection:
        connection.execute(insert(_table), [row for row, _ in filled.values()])
        connection.execute(insert(_sight), sight)
        # The same ids of another stream are nobody's here.
        others = [row | {"stream": "other", "who": "p:nobody"} for row in sight if row["who"] == "p:li"]
        connection.execute(insert(_sight), others)
        yield connection, filled
    engine.dispose()


def blank(n: int, path: tuple[str, ...], lead: str | None, by: str) -> dict[str, Any]:
    """A row of which only what matters here is filled in."""
    row: dict[str, Any] = dict.fromkeys((column.name for column in _table.columns if not column.nullable), 0)
    return row | {
        "stream": "main",
        "id": f"i{n}",
        "case_number": f"X-{n:05d}",
        "first": n,
        "path": path_text(path),
        "lead": lead,
        "reported_by": by,
        "stage": "closed" if n % 3 else "intake",
        "source_number": "--" if n % 5 == 0 else None,
    }


claims = st.builds(
    Claim,
    path=st.sampled_from(PATHS),
    department=st.sampled_from((*LEADS, "fire")),
    tray=st.booleans(),
)
scopes = st.builds(
    Scope, person=st.sampled_from((*PEOPLE, "zhao", "nobody")), claims=st.lists(claims, max_size=4).map(tuple)
)
#: Lists by the ways through all there is, and by those through what is open or was found; of what is looked
#: for no words are left, so that only the other system's number can match.
lists = st.sampled_from((Wanted(), Wanted(stage=Stage.INTAKE), Wanted(stage=Stage.CLOSED), Wanted(q="--")))


def test_all_there_is_has_rows_of_every_kind(rows: Any) -> None:
    """Else the laws below would hold of little."""
    _, filled = rows
    kinds = {(seen.departments, seen.people) for _, seen in filled.values()}
    assert (("water", "cleaning"), ("wang", "li")) in kinds
    assert (("cleaning", "water", "fire"), ("li", "zhao", "wang")) in kinds
    assert ((), ("li", "zhao", "wang")) in kinds


@given(scope=scopes)
def test_what_sql_selects_is_what_the_scope_sees(rows: Any, scope: Scope) -> None:
    """For every row: it is selected if and only if the scope says that its person sees it."""
    connection, filled = rows
    selected = set(connection.execute(select(_table.c.id).where(in_scope(scope))).scalars())
    assert selected == {id_ for id_, (_, seen) in filled.items() if scope.sees(seen)}


@given(scope=scopes)
def test_what_claims_alone_select_leaves_out_what_was_only_reported(rows: Any, scope: Scope) -> None:
    """Figures are of what somebody answers for; having reported something is not answering for it, nor is
    having been sent to look.
    """
    connection, filled = rows
    selected = set(connection.execute(select(_table.c.id).where(in_claims(scope))).scalars())
    assert selected == {
        id_ for id_, (_, seen) in filled.items() if any(claim.covers(seen) for claim in scope.claims)
    }


@given(scope=scopes, limit=st.integers(1, 300), wanted=lists)
def test_pages_hold_every_row_once_newest_first(rows: Any, scope: Scope, limit: int, wanted: Wanted) -> None:
    connection, filled = rows
    seen: list[int] = []
    while found := page(connection, scope, wanted, before=seen[-1] if seen else None, limit=limit):
        seen += [row["first"] for row in found]
    assert seen == [row["first"] for row, _ in reversed(listed(filled, scope, wanted))]


@given(scope=scopes, wanted=lists, down_to=st.integers(1, 2500))
def test_a_list_goes_no_further_than_it_is_asked_to(
    rows: Any, scope: Scope, wanted: Wanted, down_to: int
) -> None:
    connection, filled = rows
    found = page(connection, scope, wanted, down_to=down_to, limit=10_000)
    expected = [row["first"] for row, _ in reversed(listed(filled, scope, wanted)) if row["first"] >= down_to]
    assert [row["first"] for row in found] == expected


def listed(filled: dict[str, tuple[Row, Seen]], scope: Scope, wanted: Wanted) -> list[tuple[Row, Seen]]:
    """What a list has to hold, oldest first."""
    return [
        (row, seen)
        for row, seen in filled.values()
        if scope.sees(seen)
        and wanted.stage in (None, row["stage"])
        and (wanted.q is None or wanted.q in (row["case_number"], row["source_number"]))
    ]


@given(scope=scopes, n=st.integers(1, len(PATHS) * len(LEADS) * len(PEOPLE) * len(OTHERS)))
def test_one_is_found_exactly_where_a_list_would_hold_it(rows: Any, scope: Scope, n: int) -> None:
    connection, filled = rows
    row, seen = filled[f"i{n}"]
    for reference in (row["id"], row["case_number"]):
        if scope.sees(seen):
            assert one(connection, reference, scope)["first"] == n
        else:
            with pytest.raises(UnknownIncident):
                one(connection, reference, scope)


EVERYTHING = Claim((), None, True)


@pytest.mark.parametrize(
    ("claims", "wanted", "uses"),
    [
        ((EVERYTHING,), Wanted(), ["incident_newest", "incident_reporter", "sight_newest"]),
        ((EVERYTHING,), Wanted(reported_by="wang"), ["incident_reporter"]),
        ((Claim((), "water", True),), Wanted(), ["incident_lead", "incident_reporter", "sight_newest"]),
        (
            (Claim((), "water", True),),
            Wanted(stage=Stage.HANDLING),
            ["incident_lead", "incident_work", "incident_reporter", "sight_newest"],
        ),
        ((Claim(("a",), None, False),), Wanted(stage=Stage.INTAKE), ["incident_work", "incident_reporter"]),
    ],
)
def test_each_way_into_a_scope_has_an_index_of_its_own(
    rows: Any, claims: tuple[Claim, ...], wanted: Wanted, uses: list[str]
) -> None:
    """A page of somebody who sees little must not look at every incident there is."""
    connection, _ = rows
    asked: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection.engine, "before_cursor_execute", hear)
    page(connection, Scope("nobody", claims), wanted)
    event.remove(connection.engine, "before_cursor_execute", hear)
    ((statement, parameters),) = asked
    plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert not [line for line in plan if line.startswith(("SCAN incident", "SCAN sight"))]
    for index in uses:
        assert any(index in line for line in plan), (index, plan)
