"""Who is on duty where and when, where they were last, and what was handed over"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("stand_in_for", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("stream", "id"),
    )
    op.create_index("duty_begins", "duty", ["stream", "starts_at", "ends_at"])
    op.create_index("duty_person", "duty", ["stream", "person", "starts_at"])
    op.create_table(
        "whereabouts",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "person"),
    )
    op.create_index("whereabouts_until", "whereabouts", ["stream", "until"])
    op.create_table(
        "hand_over",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("from_person", sa.String(), nullable=False),
        sa.Column("to_person", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("duty", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("moved", sa.Text(), nullable=False),
        sa.Column("left", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "id"),
    )
    op.create_index("hand_over_newest", "hand_over", ["stream", "at"])


def downgrade() -> None:
    op.drop_table("hand_over")
    op.drop_table("whereabouts")
    op.drop_table("duty")
