"""Runs the migrations on the connection that `gridgov.storage.setup` hands over."""

from alembic import context
from sqlmodel import SQLModel

import gridgov.storage.duty_tables as _duty  # noqa: F401
import gridgov.storage.outbox_tables as _outbox  # noqa: F401
import gridgov.storage.question_tables as _questions  # noqa: F401
import gridgov.storage.tables as _registered  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    include_object=lambda _object, name, type_, _reflected, _to: (
        not (type_ == "table" and str(name).startswith("search"))
    ),
)
with context.begin_transaction():
    context.run_migrations()
