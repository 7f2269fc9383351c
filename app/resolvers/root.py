"""Query, Mutation and Subscription, put together from the files beside this one."""

import strawberry

from app.resolvers.accounts import AccountMutations, AccountQueries
from app.resolvers.albums import AlbumMutations, AlbumQueries
from app.resolvers.credentials import CredentialMutations, CredentialQueries
from app.resolvers.images import ImageMutations, ImageQueries
from app.resolvers.imports import ImportMutations
from app.resolvers.library import LibraryMutations
from app.resolvers.nodes import NodeQueries
from app.resolvers.presets import PresetMutations, PresetQueries
from app.resolvers.subscriptions import Subscriptions
from app.resolvers.uploads import UploadMutations, UploadQueries
from app.schema.accounts import Viewer
from app.schema.credentials import ApiKey
from app.schema.images import Album, Image
from app.schema.presets import VariantPreset
from app.schema.uploads import UploadSession
from app.schema.variants import Variant


@strawberry.type(description="Everything that can be asked.")
class Query(NodeQueries, AccountQueries, CredentialQueries, ImageQueries, AlbumQueries, UploadQueries, PresetQueries):
    """All queries."""


@strawberry.type(description="Everything that can be done.")
class Mutation(
    UploadMutations,
    ImportMutations,
    ImageMutations,
    AccountMutations,
    CredentialMutations,
    LibraryMutations,
    AlbumMutations,
    PresetMutations,
):
    """All mutations."""


@strawberry.type(description="Everything that can be watched.")
class Subscription(Subscriptions):
    """All subscriptions."""


NODE_TYPES = (Image, Album, Variant, UploadSession, VariantPreset, Viewer, ApiKey)
