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
from gridgov.scope import Claim, Scope
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.incidents import Wanted, in_claims, in_scope, one, page
from gridgov.storage.tables import IncidentRow, path_text, text_path

_table = IncidentRow.__table__

#: Codes that sort and compare awkwardly: beginnings of each other, around the slash, Chinese, none at all.
CODES = ("a", "a0", "ab", "A", "0", ".", "-", "街", "~")
PATHS = [(), *((c,) for c in CODES), *itertools.product(CODES, CODES), ("a", "a", "a"), ("a", "a0", "b")]
LEADS = (None, "water", "cleaning")
PEOPLE = ("wang", "li")


@pytest.fixture(scope="module")
def rows() -> Iterator[tuple[Connection, list[dict[str, Any]]]]:
    """A row for every path, lead and reporter there are."""
    engine = create_engine("sqlite://")
    _table.create(engine)
    filled = [
        blank(n, path, lead, by)
        for n, (path, lead, by) in enumerate(itertools.product(PATHS, LEADS, PEOPLE), 1)
    ]
    with engine.connect() as connection:
        connection.execute(insert(_table), filled)
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
        "stage": "intake",
    }


claims = st.builds(
    Claim,
    path=st.sampled_from(PATHS),
    department=st.sampled_from(LEADS),
    tray=st.booleans(),
)
scopes = st.builds(
    Scope, person=st.sampled_from((*PEOPLE, "nobody")), claims=st.lists(claims, max_size=4).map(tuple)
)


@given(scope=scopes)
def test_what_sql_selects_is_what_the_scope_sees(rows: Any, scope: Scope) -> None:
    """For every row: it is selected if and only if the scope says that its person sees it."""
    connection, filled = rows
    selected = set(connection.execute(select(_table.c.id).where(in_scope(scope))).scalars())
    assert selected == {
        row["id"] for row in filled if scope.sees(text_path(row["path"]), row["lead"], row["reported_by"])
    }


@given(scope=scopes)
def test_what_claims_alone_select_leaves_out_what_was_only_reported(rows: Any, scope: Scope) -> None:
    """Figures are of what somebody answers for; having reported something is not answering for it."""
    connection, filled = rows
    selected = set(connection.execute(select(_table.c.id).where(in_claims(scope))).scalars())
    assert selected == {
        row["id"]
        for row in filled
        if any(c.covers(text_path(row["path"]), row["lead"]) for c in scope.claims)
    }


@given(scope=scopes, limit=st.integers(1, 100))
def test_pages_hold_every_row_once_newest_first(rows: Any, scope: Scope, limit: int) -> None:
    connection, filled = rows
    seen: list[int] = []
    while found := page(connection, scope, Wanted(), before=seen[-1] if seen else None, limit=limit):
        seen += [row["first"] for row in found]
    expected = [
        row["first"]
        for row in reversed(filled)
        if scope.sees(text_path(row["path"]), row["lead"], row["reported_by"])
    ]
    assert seen == expected


@given(scope=scopes, n=st.integers(1, len(PATHS) * 6))
def test_one_is_found_exactly_where_a_list_would_hold_it(rows: Any, scope: Scope, n: int) -> None:
    connection, filled = rows
    row = filled[n - 1]
    for reference in (row["id"], row["case_number"]):
        if scope.sees(text_path(row["path"]), row["lead"], row["reported_by"]):
            assert one(connection, reference, scope)["first"] == n
        else:
            with pytest.raises(UnknownIncident):
                one(connection, reference, scope)


EVERYTHING = Claim((), None, True)


@pytest.mark.parametrize(
    ("claims", "wanted", "uses"),
    [
        ((EVERYTHING,), Wanted(), ["incident_newest", "incident_reporter"]),
        ((EVERYTHING,), Wanted(reported_by="wang"), ["incident_reporter"]),
        ((Claim((), "water", True),), Wanted(stage=Stage.HANDLING), ["incident_lead", "incident_reporter"]),
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
    assert not [line for line in plan if line.startswith("SCAN incident")]
    for index in uses:
        assert any(index in line for line in plan), (index, plan)
