"""Query, Mutation and Subscription, put together from the files beside this one."""

import strawberry

from app.resolvers.accounts import AccountQueries
from app.resolvers.images import ImageMutations, ImageQueries
from app.resolvers.nodes import NodeQueries
from app.resolvers.subscriptions import Subscriptions
from app.resolvers.uploads import UploadMutations, UploadQueries
from app.schema.accounts import Viewer
from app.schema.images import Image
from app.schema.uploads import UploadSession
from app.schema.variants import Variant


@strawberry.type(description="Everything that can be asked.")
class Query(NodeQueries, AccountQueries, ImageQueries, UploadQueries):
    """All queries."""


@strawberry.type(description="Everything that can be done.")
class Mutation(UploadMutations, ImageMutations):
    """All mutations."""


@strawberry.type(description="Everything that can be watched.")
class Subscription(Subscriptions):
    """All subscriptions."""


NODE_TYPES = (Image, Variant, UploadSession, Viewer)
