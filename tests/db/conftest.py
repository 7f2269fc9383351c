"""The fixtures of this folder; see `tests.support.database_fixtures`."""

from tests.support.database_fixtures import database, database_url, empty_url, postgres_template, sqlite_template
from tests.support.unhurried import unhurried

__all__ = ["database", "database_url", "empty_url", "postgres_template", "sqlite_template", "unhurried"]
