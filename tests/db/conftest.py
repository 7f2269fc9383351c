"""The fixtures of this folder; see `tests.support.database_fixtures`."""

from tests.support.database_fixtures import database, database_url, empty_url, postgres_template

__all__ = ["database", "database_url", "empty_url", "postgres_template"]
