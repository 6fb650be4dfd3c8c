"""Editions with their dates, assignments carried over, neighbours and specialised grids of incidents"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Until now an edition took effect the moment it came in.
    op.add_column("edition", sa.Column("effective_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("edition", sa.Column("replaces", sa.Integer(), nullable=True))
    op.add_column("edition", sa.Column("changes", sa.Text(), nullable=True))
    op.add_column("edition", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))
    op.add_column("edition", sa.Column("withdrawn_by", sa.String(), nullable=True))
    op.execute("UPDATE edition SET effective_at = imported_at")
    op.add_column("stream", sa.Column("next_edition", sa.Integer(), nullable=True))
    op.add_column("stream", sa.Column("switch_at", sa.BigInteger(), nullable=True))
    op.add_column("incident", sa.Column("near_border", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("incident", sa.Column("specialised", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "carried",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("assignment", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("of_old", sa.Float(), nullable=False),
        sa.Column("of_new", sa.Float(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("made", sa.String(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["assignment"], ["assignment.id"]),
        sa.ForeignKeyConstraint(["person"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_carried_edition", "carried", ["edition"])


def downgrade() -> None:
    op.drop_table("carried")
    with op.batch_alter_table("incident") as table:
        table.drop_column("specialised")
        table.drop_column("near_border")
    with op.batch_alter_table("stream") as table:
        table.drop_column("switch_at")
        table.drop_column("next_edition")
    with op.batch_alter_table("edition") as table:
        for name in ("withdrawn_by", "withdrawn_at", "changes", "replaces", "effective_at"):
            table.drop_column(name)
