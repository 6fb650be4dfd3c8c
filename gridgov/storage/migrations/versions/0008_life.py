"""Parts, extension, suspension, supervision, tasks and what follows closure in the row of an incident"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("leader", sa.String(), nullable=True),
        sa.Column("followers", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("self_handled", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.Column("crew", sa.String(), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("parts", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("application", sa.String(), nullable=True),
        sa.Column("application_until", sa.BigInteger(), nullable=True),
        sa.Column("extensions", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("suspensions", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("suspended_until", sa.BigInteger(), nullable=True),
        sa.Column("supervised", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("supervision_due_at", sa.BigInteger(), nullable=True),
        sa.Column("supervisions", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("appeal", sa.String(), nullable=True),
        sa.Column("contacted", sa.Boolean(), nullable=True),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("satisfied", sa.Boolean(), nullable=True),
        sa.Column("enforcements", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("task", sa.String(), nullable=True),
        sa.Column("task_person", sa.String(), nullable=True),
        sa.Column("task_state", sa.String(), nullable=True),
        sa.Column("task_by", sa.BigInteger(), nullable=True),
        sa.Column("handovers", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("returned_at", sa.BigInteger(), nullable=True),
    )


_INDEXES = {
    "incident_supervised": ["stream", "supervision_due_at"],
    "incident_task": ["stream", "task_person"],
    "incident_leader": ["stream", "leader"],
    "incident_kind": ["stream", "category", "reported_at"],
    "incident_returned": ["stream", "returned_at"],
}

#: What co-handlers and returns are read from: an incident that has had neither keeps the defaults.
_HISTORY = sa.text("""
SELECT entry.stream, entry.incident, entry.kind, entry.recorded_at, entry.body FROM entry
JOIN incident ON incident.stream = entry.stream AND incident.id = entry.incident
WHERE entry.kind IN ('dispatched', 'undone', 'reopened', 'returned')
    AND (incident.returns > 0 OR incident.dispatches > 0)
ORDER BY entry.stream, entry.incident, entry.number
""")
_SET = sa.text("""
UPDATE incident SET parts = :parts, handovers = :handovers, returned_at = :returned_at
WHERE stream = :stream AND id = :incident
""")
_SEEN = sa.text("""
SELECT stream, id, first, co_handlers, lead FROM incident WHERE lead IS NOT NULL AND co_handlers <> '[]'
""")
_SIGHT = sa.text("INSERT INTO sight (stream, who, incident, first) VALUES (:stream, :who, :incident, :first)")


def _part(department: str) -> dict[str, str | None]:
    return {"department": department, "state": "open", "accepted_by": None, "crew": None, "assignee": None}


def _fill(connection: sa.Connection) -> None:
    parts: dict[tuple[str, str], list[str]] = {}
    handovers: dict[tuple[str, str], list[list[object]]] = {}
    for stream, incident, kind, recorded_at, body in connection.execute(_HISTORY):
        key, told = (stream, incident), json.loads(body)
        if kind == "returned":
            handovers.setdefault(key, []).append([told["department"], None, recorded_at, None])
            continue
        parts[key] = told.get("co_handlers", []) if kind == "dispatched" else []
        last = handovers.get(key, [[None, True]])[-1]
        if kind == "dispatched" and last[1] is None:
            last[1], last[3] = told["department"], recorded_at
    found = [
        {
            "stream": key[0],
            "incident": key[1],
            "parts": _text([_part(department) for department in parts.get(key, [])]),
            "handovers": _text(handovers.get(key, [])),
            "returned_at": handovers[key][-1][2] if key in handovers else None,
        }
        for key in parts.keys() | handovers.keys()
        if parts.get(key) or key in handovers
    ]
    if found:
        connection.execute(_SET, found)
    seen = [
        {"stream": stream, "incident": incident, "who": f"d:{department}", "first": first}
        for stream, incident, first, co_handlers, lead in connection.execute(_SEEN)
        for department in json.loads(co_handlers)
        if department != lead
    ]
    if seen:
        connection.execute(_SIGHT, seen)


def _text(value: object) -> str:
    """JSON as the program writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def upgrade() -> None:
    for column in _columns():
        op.add_column("incident", column)
    op.create_table(
        "sight",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "who", "incident"),
    )
    op.create_index("sight_incident", "sight", ["stream", "incident"])
    op.create_index("sight_newest", "sight", ["stream", "who", "first"])
    for name, columns in _INDEXES.items():
        op.create_index(name, "incident", columns)
    _fill(op.get_bind())


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "incident")
    op.drop_table("sight")
    with op.batch_alter_table("incident") as table:
        for column in reversed(_columns()):
            table.drop_column(column.name)
