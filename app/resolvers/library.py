"""updateImage, updateImages, deleteImages, restoreImages."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import strawberry

from app.context import Info
from app.errors import NotFound, SafelightError
from app.ids import ImageId
from app.resolvers.arguments import find_id, get_image_id, read_bulk_change, read_image_change
from app.schema.arguments import IdsArgument
from app.schema.changes import (
    DeleteImagesPayload,
    ImagePayload,
    ImagesPayload,
    ItemProblem,
    UpdateImageInput,
    UpdateImagesInput,
)
from app.schema.images import image_of
from app.services.library.own_images import MAX_BATCH, Batch, refuse_more


@strawberry.type
class LibraryMutations:
    """Changing, deleting and restoring images."""

    @strawberry.mutation(description="Changes what is said of an image, and where it is.")
    async def update_image(
        self,
        info: Info,
        input: Annotated[UpdateImageInput, strawberry.argument(description="What shall change.")],  # noqa: A002  (the contract's name)
    ) -> ImagePayload:
        snapshot = await info.context.services.library.update(
            info.context.principal, get_image_id(input.id), read_image_change(input)
        )
        return ImagePayload(image=image_of(snapshot))

    @strawberry.mutation(description="The same change for up to 100 images; what cannot be changed is told.")
    async def update_images(
        self,
        info: Info,
        input: Annotated[UpdateImagesInput, strawberry.argument(description="What shall change.")],  # noqa: A002  (the contract's name)
    ) -> ImagesPayload:
        ids = _read_ids(input.ids)
        batch = await info.context.services.library.update_many(
            info.context.principal, _known(ids), read_bulk_change(input)
        )
        return _images_payload(ids, batch)

    @strawberry.mutation(description="Into the trash for 30 days, or gone at once; up to 100 images.")
    async def delete_images(
        self,
        info: Info,
        ids: IdsArgument,
        permanent: Annotated[bool, strawberry.argument(description="Gone at once, files and all.")] = False,
    ) -> DeleteImagesPayload:
        wanted = _read_ids(ids)
        batch = await info.context.services.trash.delete(info.context.principal, _known(wanted), permanent=permanent)
        done = [text for text, image_id in wanted.items() if image_id is not None and image_id not in batch.failed]
        return DeleteImagesPayload(deleted_ids=done, failed=_problems(wanted, batch.failed))

    @strawberry.mutation(
        description="Out of the trash, back to where they were; up to 100 images. A filename that is taken there by "
        "now gets a number."
    )
    async def restore_images(self, info: Info, ids: IdsArgument) -> ImagesPayload:
        wanted = _read_ids(ids)
        return _images_payload(
            wanted, await info.context.services.trash.restore(info.context.principal, _known(wanted))
        )


_Ids = Mapping[strawberry.ID, ImageId | None]
"""Each id as it was sent, once; None for what cannot be one."""


def _read_ids(ids: Sequence[strawberry.ID]) -> _Ids:
    if len(ids) > MAX_BATCH:
        raise refuse_more()
    found = {text: find_id(text) for text in ids}
    return {text: ImageId(key) if key is not None else None for text, key in found.items()}


def _known(ids: _Ids) -> list[ImageId]:
    return [image_id for image_id in ids.values() if image_id is not None]


def _images_payload(ids: _Ids, batch: Batch) -> ImagesPayload:
    images = [image_of(snapshot) for snapshot in batch.snapshots]
    return ImagesPayload(images=images, failed=_problems(ids, batch.failed))


def _problems(ids: _Ids, failed: Mapping[ImageId, SafelightError]) -> list[ItemProblem]:
    unknown = NotFound("There is no such image.")
    told = ((text, unknown if key is None else failed.get(key)) for text, key in ids.items())
    return [ItemProblem(id=text, code=error.code, message=error.message) for text, error in told if error is not None]
