"""Presets as clients see them, and what is needed to make and change one."""

import strawberry

from app.schema.enums import Fit, MetadataPolicy
from app.schema.node import Node
from app.services.library.presets import PresetView


@strawberry.type(
    description="A named size. The built-in ones: original, small, medium, w128, w256, w512, w1024, w1536, w2048, "
    "thumb, og-image, public."
)
class VariantPreset(Node):
    """One preset."""

    name: str = strawberry.field(description="What `size` says, and what stands in paths.")
    fit: Fit = strawberry.field(description="Meaning of the box.")
    width: int | None = strawberry.field(description="Pixels of the box; null: as the height and the picture give it.")
    height: int | None = strawberry.field(description="Pixels of the box; null: as the width and the picture give it.")
    quality: int | None = strawberry.field(description="1 to 100; null: 85.")
    metadata: MetadataPolicy = strawberry.field(description="What EXIF data outputs keep.")
    never_require_signed_urls: bool = strawberry.field(description="This size of a private image needs no signature.")
    browser_ttl: int | None = strawberry.field(
        description="Seconds for which browsers may keep pictures of this size; null: `browserTtl` of the preferences."
    )
    built_in: bool = strawberry.field(description="Built-in presets cannot be changed or deleted.")


@strawberry.input(description="A size of the owner's own.")
class VariantPresetInput:
    """A new preset."""

    name: str = strawberry.field(
        description="1 to 99 of A-Z, a-z, 0-9, - and _, beginning with a letter or digit; "
        "no other preset may have it, in whatever case."
    )
    fit: Fit = strawberry.field(description="Meaning of the box.")
    width: int | None = strawberry.field(default=None, description="Pixels of the box, 1 to 16,384.")
    height: int | None = strawberry.field(default=None, description="Pixels of the box, 1 to 16,384.")
    quality: int | None = strawberry.field(default=None, description="1 to 100; null: 85.")
    metadata: MetadataPolicy = strawberry.field(
        default=MetadataPolicy.NONE, description="What EXIF data outputs shall keep."
    )
    never_require_signed_urls: bool = strawberry.field(
        default=False, description="Shall this size of a private image need no signature?"
    )
    browser_ttl: int | None = strawberry.field(
        default=None,
        description="Seconds for which browsers may keep pictures of this size, 0 to 31,536,000; "
        "null: `browserTtl` of the preferences.",
    )


@strawberry.input(description="A change of a preset: omitted keeps, null clears.")
class UpdateVariantPresetInput:
    """A changed preset."""

    name: str = strawberry.field(description="Which; a name cannot be changed, as it stands in addresses.")
    fit: Fit | None = strawberry.field(default=strawberry.UNSET, description="Meaning of the box; cannot be cleared.")
    width: int | None = strawberry.field(default=strawberry.UNSET, description="Pixels of the box, 1 to 16,384.")
    height: int | None = strawberry.field(default=strawberry.UNSET, description="Pixels of the box, 1 to 16,384.")
    quality: int | None = strawberry.field(default=strawberry.UNSET, description="1 to 100; null: 85.")
    metadata: MetadataPolicy | None = strawberry.field(
        default=strawberry.UNSET, description="What EXIF data outputs shall keep; null: NONE."
    )
    never_require_signed_urls: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Shall this size of a private image need no signature? Null: no."
    )
    browser_ttl: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Seconds for which browsers may keep pictures of this size, 0 to 31,536,000; "
        "null: `browserTtl` of the preferences.",
    )


@strawberry.type(description="A preset was made or changed.")
class VariantPresetPayload:
    """Answer of createVariantPreset and updateVariantPreset."""

    preset: VariantPreset = strawberry.field(description="The preset as it is now.")


@strawberry.type(description="A preset was deleted, with every variant of its size.")
class DeleteVariantPresetPayload:
    """Answer of deleteVariantPreset."""

    deleted_name: str = strawberry.field(description="Its name, free again.")


def preset_of(view: PresetView) -> VariantPreset:
    """One preset, for clients."""
    preset = view.preset
    return VariantPreset(
        id=strawberry.ID(str(view.id)),
        name=preset.name,
        fit=preset.fit,
        width=preset.width_px,
        height=preset.height_px,
        quality=view.quality,
        metadata=preset.metadata,
        never_require_signed_urls=preset.never_require_signed_urls,
        browser_ttl=preset.browser_ttl_s,
        built_in=view.is_built_in,
    )
