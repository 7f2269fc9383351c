"""Alembic's entry: run the migrations over the connection that `app.db.migrating` hands in."""

from alembic import context
from sqlalchemy import Connection

from app.db.tables import METADATA

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    # SQLite changes a table by making a new one.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
