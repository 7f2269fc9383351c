"""A record is built from a row by position: its fields must be the table's columns, in their order."""

from types import NoneType
from typing import get_args, get_type_hints

import pytest
from sqlalchemy import Table

from app.db import records
from app.db.metadata import METADATA
from app.db.tables import (
    accounts,
    albums,
    api_keys,
    images,
    refresh_tokens,
    signing_keys,
    upload_sessions,
    variant_presets,
    variants,
)

PAIRS = [
    (accounts, records.AccountRecord),
    (api_keys, records.ApiKeyRecord),
    (images, records.ImageRecord),
    (variants, records.VariantRecord),
    (upload_sessions, records.SessionRecord),
    (albums, records.AlbumRecord),
    (variant_presets, records.PresetRecord),
    (signing_keys, records.SigningKeyRecord),
    (refresh_tokens, records.RefreshTokenRecord),
]
# They are filtered by and counted, or read in part.
UNREAD = {"instances", "face_numbers", "image_tags", "old_places", "old_slugs", "search_documents"}


@pytest.mark.parametrize(("table", "record"), PAIRS, ids=[table.name for table, _ in PAIRS])
def test_the_fields_of_a_record_are_the_columns_of_its_table(table: Table, record: type) -> None:
    assert list(get_type_hints(record)) == [column.name for column in table.columns]


@pytest.mark.parametrize(("table", "record"), PAIRS, ids=[table.name for table, _ in PAIRS])
def test_a_field_may_be_none_just_where_its_column_may_be_null(table: Table, record: type) -> None:
    nullable = {column.name for column in table.columns if column.nullable}

    assert {name for name, hint in get_type_hints(record).items() if NoneType in get_args(hint)} == nullable


def test_every_table_has_a_record() -> None:
    assert {table.name for table, _ in PAIRS} == set(METADATA.tables) - UNREAD
