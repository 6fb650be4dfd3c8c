"""How often an incident was dispatched to another department than the time before"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: What was dispatched once went to one department; a dispatch that was taken back went to none.
_SEVERAL = sa.text("""
SELECT entry.stream, entry.incident, entry.kind, entry.body FROM entry
JOIN incident ON incident.stream = entry.stream AND incident.id = entry.incident
WHERE entry.kind IN ('dispatched', 'undone') AND incident.dispatches > 1
ORDER BY entry.stream, entry.incident, entry.number
""")
_SET = sa.text("UPDATE incident SET redirected = :times WHERE stream = :stream AND id = :incident")


def upgrade() -> None:
    op.add_column("incident", sa.Column("redirected", sa.Integer(), nullable=False, server_default="0"))
    connection = op.get_bind()
    times: dict[tuple[str, str], int] = {}
    before: dict[tuple[str, str], str] = {}
    for stream, incident, kind, body in connection.execute(_SEVERAL):
        if kind == "undone":
            before.pop((stream, incident), None)
            continue
        department = json.loads(body)["department"]
        if before.get((stream, incident), department) != department:
            times[stream, incident] = times.get((stream, incident), 0) + 1
        before[stream, incident] = department
    if times:
        found = [{"stream": of, "incident": one, "times": many} for (of, one), many in times.items()]
        connection.execute(_SET, found)


def downgrade() -> None:
    op.drop_column("incident", "redirected")
