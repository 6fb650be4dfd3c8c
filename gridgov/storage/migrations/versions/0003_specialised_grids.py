"""Specialised grids: the layers of fields as dated versions, and which is the newest"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stream", sa.Column("specialised", sa.Integer(), nullable=True))
    op.create_table(
        "field_layer",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=True),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.Column("carried_from", sa.Integer(), nullable=True),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("moved", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_field_layer_key", "field_layer", ["key"])
    op.create_table(
        "specialised_grid",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("micro_grids", sa.Text(), nullable=False),
        sa.Column("geometry", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["version"], ["field_layer.version"]),
        sa.PrimaryKeyConstraint("version", "code"),
    )


def downgrade() -> None:
    op.drop_table("specialised_grid")
    op.drop_table("field_layer")
    with op.batch_alter_table("stream") as table:
        table.drop_column("specialised")
