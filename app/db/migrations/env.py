"""Alembic's entry: run the migrations over the connection that `app.db.migrating` hands in."""

from alembic import context
from sqlalchemy import Connection

from app.db.metadata import is_modelled
from app.db.tables import images

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=images.metadata,
    # No batch mode: it changes a table by dropping it, and in SQLite that deletes by cascade whatever refers to it.
    render_as_batch=False,
    include_name=is_modelled,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
