"""An index of the clocks that run, by when they turn yellow"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("incident_yellow", "incident", ["stream", "clock_warn_at"])


def downgrade() -> None:
    op.drop_index("incident_yellow", "incident")
