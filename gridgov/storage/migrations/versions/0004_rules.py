"""Case standards, clocks of stages, automatic hands and escalation in the row of an incident"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("standard", sa.String(), nullable=True),
        sa.Column("co_handlers", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("automatic", sa.String(), nullable=True),
        sa.Column("auto_dispatched", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("clock", sa.String(), nullable=True),
        sa.Column("clock_run", sa.Integer(), nullable=True),
        sa.Column("clock_limit", sa.String(), nullable=True),
        sa.Column("clock_started_at", sa.BigInteger(), nullable=True),
        sa.Column("clock_due_at", sa.BigInteger(), nullable=True),
        sa.Column("clock_warn_at", sa.BigInteger(), nullable=True),
        sa.Column("clock_unconfirmed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("noticed", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("escalation_step", sa.Integer(), nullable=True),
        sa.Column("escalation_level", sa.String(), nullable=True),
        sa.Column("escalation_by", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
    )


#: What is being handled has a clock from its dispatch on, or from the check that failed; it turned yellow
#: nowhere, so that its end is what is noticed. Earlier stages were not timed.
_CLOCKS = """
UPDATE incident SET
    clock = 'handling',
    clock_limit = "limit",
    clock_due_at = due_at,
    clock_warn_at = due_at,
    look_at = due_at,
    clock_run = (
        SELECT max(entry.number) FROM entry
        WHERE entry.stream = incident.stream AND entry.incident = incident.id AND entry.kind = 'dispatched'
    ),
    clock_started_at = (
        SELECT max(entry.recorded_at) FROM entry
        WHERE entry.stream = incident.stream AND entry.incident = incident.id
            AND entry.kind IN ('dispatched', 'checked')
    )
WHERE stage = 'handling' AND due_at IS NOT NULL
"""
#: Entries leave out what is false.
_UNCONFIRMED = """
UPDATE incident SET clock_unconfirmed = (
    SELECT entry.body LIKE '%"unconfirmed_year"%' FROM entry
    WHERE entry.stream = incident.stream AND entry.incident = incident.id
        AND entry.number = incident.clock_run
)
WHERE clock_run IS NOT NULL
"""


def upgrade() -> None:
    for column in _columns():
        op.add_column("incident", column)
    op.execute(_CLOCKS)
    op.execute(_UNCONFIRMED)
    op.create_index("incident_look", "incident", ["stream", "look_at"])


def downgrade() -> None:
    op.drop_index("incident_look", "incident")
    with op.batch_alter_table("incident") as table:
        for column in reversed(_columns()):
            table.drop_column(column.name)
