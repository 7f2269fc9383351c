"""Where an image is to be had, and how pages and posts show it."""

from typing import Annotated

import strawberry
from strawberry.utils.await_maybe import AwaitableOrValue

from app.context import Info
from app.db.records import SigningKeyRecord
from app.domain.markup import PictureParts, make_picture
from app.domain.variants import Family
from app.schema.arguments import SizeArgument, VariantFamilyArgument
from app.schema.enums import OutputFormat
from app.schema.image_facts import ImageFacts, is_owner
from app.schema.signing import (
    ExpiresInArgument,
    FormatArgument,
    SignedUrl,
    TransformArgument,
    TransformInput,
    read_transform,
    sign_transform,
)
from app.services.delivery.linking import Linker
from app.services.delivery.responsive import (
    DEFAULT_FAMILIES,
    DEFAULT_WIDTHS,
    PictureWish,
    check_wish,
    plan_embedding,
    plan_picture,
)

WidthsArgument = Annotated[
    list[int], strawberry.argument(description="Pixels, 1 to 20 of them; nothing is made wider than the image is.")
]
FormatsArgument = Annotated[
    list[Family],
    strawberry.argument(description="A source for each, in this order; of an animation only those that move."),
]
SizesArgument = Annotated[str, strawberry.argument(description="The attribute `sizes`, at most 500 characters.")]


@strawberry.type(description="One `<source>` of a picture.")
class PictureSource:
    """One format."""

    type: str = strawberry.field(description="Media type.")
    srcset: str = strawberry.field(description="Addresses with their widths, as the attribute has them.")


@strawberry.type(
    description="Everything a page needs for a responsive <picture>. URLs are signed where the image is private, "
    "for an hour."
)
class Picture:
    """A picture's parts."""

    parts: strawberry.Private[PictureParts]

    @strawberry.field(description="One for each format.")
    def sources(self) -> list[PictureSource]:
        return [PictureSource(type=each.media_type, srcset=each.srcset) for each in self.parts.sources]

    @strawberry.field(description="For clients that know none of the formats: the widest.")
    def src(self) -> str:
        return self.parts.src

    @strawberry.field(description="Of the image, in pixels as displayed.")
    def width(self) -> int:
        return self.parts.width_px

    @strawberry.field(description="Of the image, in pixels as displayed.")
    def height(self) -> int:
        return self.parts.height_px

    @strawberry.field(description="The image's `alt`, else its title, else empty.")
    def alt(self) -> str:
        return self.parts.alt

    @strawberry.field(description="A complete, escaped <picture> element, with the placeholder behind the picture.")
    def html(self) -> str:
        return make_picture(self.parts)


@strawberry.type(
    description="An image that leads to its page, for posts elsewhere. URLs are signed where the image is private, "
    "for an hour."
)
class Embed:
    """The forms of a post."""

    html: str = strawberry.field(description="An <img> in a link, escaped.")
    markdown: str = strawberry.field(description="CommonMark.")
    bbcode: str = strawberry.field(description="As boards write it.")


@strawberry.type(description="An image with its addresses.")
class SharedImage(ImageFacts):
    """The fields of Image that write addresses; the schema knows only `Image`."""

    @strawberry.field(
        description="The stable URL of one variant, or a transformation, with a signature. Null for all but the owner, "
        "and where the variant was not planned."
    )
    async def signed_url(
        self,
        info: Info,
        family: VariantFamilyArgument = Family.ORIGINAL,
        size: SizeArgument = "original",
        transform: TransformArgument = None,
        format: FormatArgument = OutputFormat.AUTO,  # noqa: A002  (the contract's name)
        expires_in: ExpiresInArgument = 3600,
    ) -> SignedUrl | None:
        if transform is not None:
            return await sign_transform(info, self.snapshot, transform, format, expires_in_s=expires_in)
        found = self.variant(family, size)
        return None if found is None else await found.signed_url(info, expires_in)

    @strawberry.field(
        description="Any transformation, as a URL (signed, so that nobody else can make up their own): good for about "
        "a year, of a private image for an hour. Null for all but the owner."
    )
    async def transform_url(
        self,
        info: Info,
        transform: Annotated[TransformInput, strawberry.argument(description="How it is made.")],
        format: FormatArgument = OutputFormat.AUTO,  # noqa: A002  (the contract's name)
    ) -> str | None:
        wanted = read_transform(transform)
        return _linker(self, info, await _load_keys(self, info)).transform(wanted, format)

    @strawberry.field(
        description="Null while AWAITING_UPLOAD. For others than the owner widths are those of presets, the nearest "
        "above.",
        graphql_type=Picture | None,
    )
    def picture(
        self,
        info: Info,
        widths: WidthsArgument = list(DEFAULT_WIDTHS),  # noqa: B006  (strawberry's way to write a default)
        formats: FormatsArgument = list(DEFAULT_FAMILIES),  # noqa: B006  (likewise)
        sizes: SizesArgument = "100vw",
    ) -> AwaitableOrValue[Picture | None]:
        wish = check_wish(PictureWish(widths, formats, sizes))
        if is_owner(info, self.snapshot):
            return _load_picture(self, info, wish)
        return _picture_of(_linker(self, info, None), wish)

    @strawberry.field(description="For posts elsewhere.", graphql_type=Embed)
    def embed(self, info: Info, size: SizeArgument = "original") -> AwaitableOrValue[Embed]:
        if is_owner(info, self.snapshot):
            return _load_embed(self, info, size)
        return _embed_of(_linker(self, info, None), size)


def _linker(image: SharedImage, info: Info, keys: list[SigningKeyRecord] | None) -> Linker:
    addresses = info.context.addresses
    return Linker(image.snapshot, addresses.base_url, addresses.cdn_url, keys)


async def _load_keys(image: SharedImage, info: Info) -> list[SigningKeyRecord] | None:
    if not is_owner(info, image.snapshot):
        return None
    return await info.context.loaders.signing_keys.load(image.snapshot.image.owner_id)


async def _load_picture(image: SharedImage, info: Info, wish: PictureWish) -> Picture | None:
    return _picture_of(_linker(image, info, await _load_keys(image, info)), wish)


def _picture_of(linker: Linker, wish: PictureWish) -> Picture | None:
    parts = plan_picture(linker, wish)
    return Picture(parts=parts) if parts is not None else None


async def _load_embed(image: SharedImage, info: Info, size: str) -> Embed:
    return _embed_of(_linker(image, info, await _load_keys(image, info)), size)


def _embed_of(linker: Linker, size: str) -> Embed:
    made = plan_embedding(linker, size)
    return Embed(html=made.html, markdown=made.markdown, bbcode=made.bbcode)
