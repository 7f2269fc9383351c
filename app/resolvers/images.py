"""image, imagesByIds, images; generateVariants, retryVariants, planProcessing."""

from typing import Annotated

import strawberry

from app.context import Info
from app.db.snapshots import ImageSnapshot
from app.domain.variants import Derivative
from app.errors import InvalidRequest
from app.ids import ImageId
from app.resolvers.arguments import (
    check_ids,
    find_id,
    get_image_id,
    read_derivatives,
    read_wanted,
)
from app.schema.arguments import (
    AfterArgument,
    BeforeArgument,
    FirstArgument,
    IdArgument,
    IdsArgument,
    LastArgument,
)
from app.schema.changes import ImagePayload
from app.schema.images import Image, ImageConnection, image_of, load_images
from app.schema.pages import FilterArgument, OrderArgument, read_order, read_page
from app.schema.selections import fields_below, needed_columns, needs_variants
from app.schema.uploads import DerivativeInput, PlannedVariant, ProcessingInput, ProcessingPlan, RefusedDerivative
from app.schema.variants import ProcessingPolicy
from app.services.making import variants


@strawberry.type
class ImageQueries:
    """Reading images."""

    @strawberry.field(
        description="By exactly one of the arguments. Null where there is none, or none that the caller may see."
    )
    async def image(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its UUID.")] = None,  # noqa: A002  (the contract's name)
        short_id: Annotated[str | None, strawberry.argument(description="Its short id.")] = None,
        custom_id: Annotated[str | None, strawberry.argument(description="The caller's own id for it.")] = None,
    ) -> Image | None:
        if sum(argument is not None for argument in (id, short_id, custom_id)) != 1:
            raise InvalidRequest("Ask by exactly one of id, shortId and customId.", details={"field": "id"})
        principal, images = info.context.principal, info.context.services.images
        if short_id is not None:
            snapshot = await images.find_by_short_id(principal, short_id)
        elif custom_id is not None:
            snapshot = await images.find_by_custom_id(principal, custom_id)
        else:
            snapshot = await _load_image(info, strawberry.ID(id or ""))
        return image_of(snapshot) if snapshot is not None else None

    @strawberry.field(description="In the order asked for; null in the place of what is not there.")
    async def images_by_ids(self, info: Info, ids: IdsArgument) -> list[Image | None]:
        wanted = [ImageId(found) for found in check_ids(ids) if found is not None]
        found = await info.context.services.images.find_many(info.context.principal, wanted)
        snapshots = [found.get(ImageId(key)) if (key := find_id(text)) else None for text in ids]
        return [image_of(snapshot) if snapshot is not None else None for snapshot in snapshots]

    @strawberry.field(description="The caller's own. `first`/`last`: default 50, at most 100. Drafts are not listed.")
    async def images(
        self,
        info: Info,
        first: FirstArgument = None,
        after: AfterArgument = None,
        last: LastArgument = None,
        before: BeforeArgument = None,
        filter: FilterArgument = None,  # noqa: A002  (the contract's name)
        order_by: OrderArgument = None,
    ) -> ImageConnection:
        return await load_images(info, read_page(first, after, last, before, order=read_order(order_by)), filter)

    @strawberry.field(description="What a policy would make of a file, before anything is sent.")
    async def plan_processing(
        self,
        info: Info,
        width: Annotated[int, strawberry.argument(description="Pixels, as displayed.")],
        height: Annotated[int, strawberry.argument(description="Pixels, as displayed.")],
        processing: Annotated[ProcessingInput | None, strawberry.argument(description="Omitted: DEFAULT.")] = None,
        content_type: Annotated[str, strawberry.argument(description="Media type of the file.")] = "image/jpeg",
    ) -> ProcessingPlan:
        plan = await info.context.services.variants.plan(
            info.context.principal,
            read_wanted(processing),
            width_px=width,
            height_px=height,
            media_type=content_type,
        )
        return _plan_of(plan)


@strawberry.type
class ImageMutations:
    """Changing what is made of images."""

    @strawberry.mutation(description="Plans these and has them made; those that are READY stay. Answers at once.")
    async def generate_variants(
        self,
        info: Info,
        image_id: IdArgument,
        derivatives: Annotated[list[DerivativeInput], strawberry.argument(description="At least one, at most 60.")],
    ) -> ImagePayload:
        snapshot = await info.context.services.variants.generate(
            info.context.principal, get_image_id(image_id), read_derivatives(derivatives)
        )
        return ImagePayload(image=image_of(snapshot))

    @strawberry.mutation(description="Gives every FAILED variant of an image new tries. Answers at once.")
    async def retry_variants(self, info: Info, image_id: IdArgument) -> ImagePayload:
        snapshot = await info.context.services.variants.retry(info.context.principal, get_image_id(image_id))
        return ImagePayload(image=image_of(snapshot))


async def _load_image(info: Info, text: strawberry.ID) -> ImageSnapshot | None:
    found = find_id(text)
    if found is None:
        return None
    names = fields_below(info)
    if needs_variants(names):
        return await info.context.loaders.images.load(ImageId(found))
    return await info.context.services.images.find_alone(info.context.principal, ImageId(found), needed_columns(names))


def _plan_of(plan: variants.ProcessingPlan) -> ProcessingPlan:
    def named(derivative: Derivative, width_px: int, height_px: int) -> PlannedVariant:
        return PlannedVariant(family=derivative.family, size=derivative.size, width=width_px, height=height_px)

    return ProcessingPlan(
        policy=ProcessingPolicy.of(plan.policy),
        variants=[named(size.derivative, size.width_px, size.height_px) for size in plan.planned],
        refused=[
            RefusedDerivative(
                family=refusal.derivative.family,
                size=refusal.derivative.size,
                code=refusal.code,
                message=refusal.message,
            )
            for refusal in plan.refused
        ],
    )
