"""What the copy holds of an incident, and how the row of an incident becomes that: one SQL for copying all of
them and for following the ledger.

Times are whole seconds since 1970: figures are asked for periods that begin and end at whole seconds, and
what is closer than that, "closed within the limit", is settled here, by microseconds, once. What does not
depend on the period is a bit of ``flags``: the counts of `dispatch.closure.Tally` that a row adds to.
"""

from __future__ import annotations

from typing import Final

from dispatch.closure import GRANTED
from dispatch.lifecycle import Stage

#: Columns of an incident's row that the copy is made of; ``first`` and ``position`` are positions in the
#: ledger.
SOURCE: Final = {
    "first": "BIGINT",
    "position": "BIGINT",
    "stage": "VARCHAR",
    "channel": "VARCHAR",
    "category": "VARCHAR",
    "urgency": "VARCHAR",
    "path": "VARCHAR",
    "edition": "INTEGER",
    "lon": "DOUBLE",
    "lat": "DOUBLE",
    "specialised": "VARCHAR",
    "department": "VARCHAR",
    "lead": "VARCHAR",
    "crew": "VARCHAR",
    "reported_by": "VARCHAR",
    "reported_at": "BIGINT",
    "filed_at": "BIGINT",
    "dispatched_at": "BIGINT",
    "handled_at": "BIGINT",
    "closed_at": "BIGINT",
    "due_at": "BIGINT",
    "dispatches": "BIGINT",
    "redirected": "BIGINT",
    "returns": "BIGINT",
    "reworks": "BIGINT",
    "extensions": "BIGINT",
    "imported": "BOOLEAN",
    "auto_dispatched": "BOOLEAN",
    "self_handled": "BOOLEAN",
    "appeal": "VARCHAR",
    "contacted": "BOOLEAN",
    "solved": "BOOLEAN",
    "satisfied": "BOOLEAN",
    "handovers": "VARCHAR",
}


def _stages(*stages: Stage) -> str:
    return ", ".join(f"'{stage}'" for stage in stages)


# Terms of the conditions below, over an incident's row; each is what `dispatch.closure` means by the word.
_CLOSED: Final = f"stage = '{Stage.CLOSED}'"
_SELF: Final = f"(self_handled AND {_CLOSED})"
_OUT: Final = f"stage IN ({_stages(Stage.CANCELLED, Stage.JOINED)})"
_REJECTED: Final = f"stage = '{Stage.REJECTED}'"
_STANDS: Final = f"(NOT {_OUT})"
_COURSE: Final = f"({_STANDS} AND NOT {_SELF})"
_TO_FILE: Final = (
    f"({_COURSE} AND (NOT imported OR filed_at IS NOT NULL"
    f" OR stage IN ({_stages(Stage.INTAKE, Stage.REJECTED)})))"
)
_COUNTED: Final = f"({_STANDS} AND NOT {_REJECTED})"
_WITHIN: Final = f"({_CLOSED} AND coalesce(closed_at <= due_at, false))"
_NOT_DUE: Final = _stages(Stage.CANCELLED, Stage.REJECTED, Stage.JOINED, Stage.SUSPENDED)
_CAN_BE_DUE: Final = f"(due_at IS NOT NULL AND stage NOT IN ({_NOT_DUE}) AND NOT {_SELF})"
_HANDLED_AT: Final = f"(CASE WHEN handled_at IS NULL AND {_CLOSED} THEN closed_at ELSE handled_at END)"
_HANDLED: Final = f"({_HANDLED_AT} IS NOT NULL OR {_CLOSED})"

#: The bits of ``flags``, lowest first: a name, and the condition on an incident's row. Those before
#: ``can_be_due`` are counts of the cohort, by their names in a tally.
FLAGS: Final = {
    "open": f"{_COUNTED} AND NOT {_CLOSED}",
    "closed": _CLOSED,
    "rejected": _REJECTED,
    "cancelled": f"stage = '{Stage.CANCELLED}'",
    "joined": f"stage = '{Stage.JOINED}'",
    "self_handled": _SELF,
    "suspended": f"stage = '{Stage.SUSPENDED}'",
    "to_file": _TO_FILE,
    "filed": f"{_TO_FILE} AND filed_at IS NOT NULL",
    "automatic": f"{_TO_FILE} AND filed_at IS NOT NULL AND auto_dispatched AND returns = 0",
    "with_limit": f"{_COUNTED} AND due_at IS NOT NULL",
    "without_limit": f"{_COUNTED} AND due_at IS NULL",
    "closed_within_limit": f"{_COUNTED} AND {_WITHIN}",
    "dispatched": f"{_COURSE} AND NOT {_REJECTED} AND dispatches > 0",
    "never_redirected": f"{_COURSE} AND NOT {_REJECTED} AND dispatches > 0 AND redirected = 0",
    "called_back": f"{_STANDS} AND contacted IS NOT NULL",
    "contacted": f"{_STANDS} AND coalesce(contacted, false)",
    "told_solved": f"{_STANDS} AND solved IS NOT NULL",
    "solved": f"{_STANDS} AND coalesce(solved, false)",
    "told_satisfied": f"{_STANDS} AND satisfied IS NOT NULL",
    "satisfied": f"{_STANDS} AND coalesce(satisfied, false)",
    "can_be_due": _CAN_BE_DUE,
    "on_time": _WITHIN,
    "is_exempt": f"NOT {_WITHIN} AND coalesce(appeal = '{GRANTED}', false)",
    "is_handled": _HANDLED,
    "handled_on_time": f"coalesce({_HANDLED_AT} <= due_at, false)",
    "extended": "extensions > 0",
    "stands_suspended": f"stage = '{Stage.SUSPENDED}' AND dispatched_at IS NOT NULL",
}
#: Which bit a name is.
BIT: Final = {name: 1 << at for at, name in enumerate(FLAGS)}
#: The names of those bits that are counts of what was reported in a period.
COHORT: Final = tuple(name for name in list(FLAGS)[: list(FLAGS).index("can_be_due")])

#: Later than every moment: until when something that is not done stays due.
NEVER: Final = 1 << 40


def _seconds(moment: str) -> str:
    # `//` cuts off towards nought in DuckDB: before 1970 that would be the second after.
    return f"CAST(floor({moment} / 1000000) AS BIGINT)"


def _until(done: str, done_at: str) -> str:
    """Until when an incident is due, in periods that begin later than its limit."""
    ends = _seconds(f"greatest(due_at, coalesce({done_at}, due_at))")
    return f"CASE WHEN NOT {_CAN_BE_DUE} THEN NULL WHEN {done} THEN {ends} ELSE {NEVER} END"


#: The columns of the copy: name, type, and the expression over an incident's row. ``grid`` is the number that
#: the copy gave to the path in its edition, 0 for what lies in none.
COLUMNS: Final = (
    ("seq", "BIGINT", "first"),
    ("since", "BIGINT", "position"),
    (
        "flags",
        "UINTEGER",
        " + ".join(f"(CASE WHEN {of} THEN {BIT[name]} ELSE 0 END)" for name, of in FLAGS.items()),
    ),
    ("stage", "VARCHAR", "stage"),
    ("reported_at", "BIGINT", _seconds("reported_at")),
    ("dispatched_at", "BIGINT", _seconds("dispatched_at")),
    ("handled_at", "BIGINT", _seconds(_HANDLED_AT)),
    ("closed_at", "BIGINT", f"CASE WHEN {_CLOSED} THEN {_seconds('closed_at')} END"),
    ("due_at", "BIGINT", _seconds("due_at")),
    ("due_until", "BIGINT", _until(_CLOSED, "closed_at")),
    ("handled_until", "BIGINT", _until(_HANDLED, _HANDLED_AT)),
    # How long it took, in whole seconds; of what was put right on the spot, nothing is said.
    (
        "took_s",
        "INTEGER",
        (
            f"CASE WHEN {_CLOSED} AND NOT self_handled AND closed_at >= reported_at"
            " THEN CAST(floor((closed_at - reported_at) / 1000000) AS INTEGER) END"
        ),
    ),
    ("reworks", "USMALLINT", "CAST(reworks AS USMALLINT)"),
    ("returns", "USMALLINT", "CAST(returns AS USMALLINT)"),
    ("edition", "INTEGER", "edition"),
    ("lon", "DOUBLE", "lon"),
    ("lat", "DOUBLE", "lat"),
    ("department", "VARCHAR", "department"),
    ("lead", "VARCHAR", "lead"),
    ("crew", "VARCHAR", "crew"),
    ("category", "VARCHAR", "category"),
    ("channel", "VARCHAR", "channel"),
    ("urgency", "VARCHAR", "urgency"),
    ("reporter", "VARCHAR", "reported_by"),
    ("specialised", "VARCHAR", "specialised"),
    ("handovers", "VARCHAR", "CASE WHEN returns > 0 THEN handovers END"),
)


def selected(source: str) -> str:
    """A query that makes columns of the copy, in their order, then ``grid``, of rows of ``source``: a
    relation with the columns of SOURCE. It joins the copy's own table of grids.
    """
    made = ", ".join(f"{expression} AS {name}" for name, _, expression in COLUMNS)
    return (
        f"SELECT {made}, coalesce(grid.id, 0) AS grid FROM (SELECT * FROM {source}) AS row"
        " LEFT JOIN grid ON grid.drawing = coalesce(row.edition, 0) AND grid.path_text = row.path"
    )


_UNTIL: Final = ("due_until", "handled_until")


def read(source: str) -> str:
    """The same as :func:`selected`, but that nothing is due for ever: what is open is read together with what
    has ended, and moved away then. A column keeps the largest value it ever had in mind, and with this one
    every question would look through all that has ended.
    """
    untold = ", ".join(f"nullif({column}, {NEVER}) AS {column}" for column in _UNTIL)
    return f"SELECT * REPLACE ({untold}) FROM ({selected(source)})"


#: What is left out of columns by :func:`read`, put in.
NEVER_SAID: Final = ", ".join(
    f"CASE WHEN flags & {BIT['can_be_due']} <> 0 THEN coalesce({column}, {NEVER}) END AS {column}"
    for column in _UNTIL
)


def table(name: str, *more: str) -> str:
    """The statement that makes a table of facts."""
    columns = [*(f"{column} {kind}" for column, kind, _ in COLUMNS), "grid INTEGER NOT NULL", *more]
    return f"CREATE TABLE {name} ({', '.join(columns)})"
