"""Alembic's entry: run the migrations over the connection that `app.db.migrating` hands in."""

from alembic import context
from sqlalchemy import Connection

from app.db.tables import METADATA

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    # No batch mode: it changes a table by dropping it, and in SQLite that deletes by cascade whatever refers to it.
    render_as_batch=False,
    # SQLite's full-text index keeps tables of its own.
    include_name=lambda name, kind, _: not (kind == "table" and (name or "").startswith("search_index")),
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
