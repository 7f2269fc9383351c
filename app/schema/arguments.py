"""Arguments that several fields take, each described once."""

from typing import Annotated

import strawberry

from app.schema.enums import Family

VariantFamilyArgument = Annotated[Family, strawberry.argument(description="What it is encoded as.")]
PrettySizeArgument = Annotated[str | None, strawberry.argument(description="A preset's name; omitted: the original.")]
SizeArgument = Annotated[str, strawberry.argument(description="A preset's name.")]
IdArgument = Annotated[strawberry.ID, strawberry.argument(description="A UUID.")]
IdsArgument = Annotated[list[strawberry.ID], strawberry.argument(description="UUIDs, at most 100.")]
FirstArgument = Annotated[
    int | None, strawberry.argument(description="How many from the beginning: 1 to 100, default 50.")
]
AfterArgument = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
LastArgument = Annotated[int | None, strawberry.argument(description="How many from the end: 1 to 100.")]
BeforeArgument = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]
