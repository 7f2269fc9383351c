"""variantPresets, variantPreset; createVariantPreset, updateVariantPreset, deleteVariantPreset."""

from typing import Annotated

import strawberry

from app.context import Info
from app.resolvers.arguments import read_preset_change
from app.schema.presets import (
    DeleteVariantPresetPayload,
    UpdateVariantPresetInput,
    VariantPreset,
    VariantPresetInput,
    VariantPresetPayload,
    preset_of,
)


@strawberry.type
class PresetQueries:
    """Reading presets."""

    @strawberry.field(description="The built-in ones, then the caller's own by name.")
    async def variant_presets(self, info: Info) -> list[VariantPreset]:
        return [preset_of(view) for view in await info.context.services.presets.list(info.context.principal)]

    @strawberry.field(description="Null where the caller has none of this name.")
    async def variant_preset(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> VariantPreset | None:
        view = await info.context.services.presets.find(info.context.principal, name)
        return preset_of(view) if view is not None else None


@strawberry.type
class PresetMutations:
    """Making, changing and deleting presets."""

    @strawberry.mutation(description="A size of the caller's own; at most 100.")
    async def create_variant_preset(
        self,
        info: Info,
        input: Annotated[VariantPresetInput, strawberry.argument(description="The preset.")],  # noqa: A002  (the contract's name)
    ) -> VariantPresetPayload:
        presets, principal = info.context.services.presets, info.context.principal
        return VariantPresetPayload(
            preset=preset_of(await presets.create(principal, input.name, read_preset_change(input)))
        )

    @strawberry.mutation(description="Variants of this size are made anew; until then the old ones serve.")
    async def update_variant_preset(
        self,
        info: Info,
        input: Annotated[UpdateVariantPresetInput, strawberry.argument(description="What shall change.")],  # noqa: A002  (the contract's name)
    ) -> VariantPresetPayload:
        presets, principal = info.context.services.presets, info.context.principal
        return VariantPresetPayload(
            preset=preset_of(await presets.update(principal, input.name, read_preset_change(input)))
        )

    @strawberry.mutation(description="The preset goes, and with it every variant of its size, planned ones too.")
    async def delete_variant_preset(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> DeleteVariantPresetPayload:
        deleted = await info.context.services.presets.delete(info.context.principal, name)
        return DeleteVariantPresetPayload(deleted_name=deleted)
