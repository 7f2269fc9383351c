"""node and nodes: anything by its id."""

import asyncio
from uuid import UUID

import strawberry

from app.context import Info
from app.errors import Forbidden, Unauthorized
from app.ids import ImageId, SessionId, VariantId
from app.resolvers.arguments import check_ids, find_id
from app.schema.accounts import viewer_of
from app.schema.arguments import IdArgument, IdsArgument
from app.schema.images import image_of
from app.schema.node import Node
from app.schema.uploads import session_of
from app.schema.variants import variant_of


@strawberry.type
class NodeQueries:
    """Anything by its id."""

    @strawberry.field(description="Null where there is nothing of this id that the caller may see.")
    async def node(self, info: Info, id: IdArgument) -> Node | None:  # noqa: A002  (the contract's name)
        return await _find_node(info, find_id(id))

    @strawberry.field(description="In the order asked for; null in the place of what is not there.")
    async def nodes(self, info: Info, ids: IdsArgument) -> list[Node | None]:
        # At once, so that the loaders ask for all of them together.
        return await asyncio.gather(*(_find_node(info, found) for found in check_ids(ids)))


async def _find_node(info: Info, key: UUID | None) -> Node | None:
    if key is None:
        return None
    context = info.context
    snapshot = await context.loaders.images.load(ImageId(key))
    if snapshot is not None:
        return image_of(snapshot)
    variant = await context.services.images.find_variant(context.principal, VariantId(key))
    if variant is not None:
        return variant_of(variant[1], variant[0])
    session = await context.loaders.sessions.load(SessionId(key))
    if session is not None:
        return session_of(*session)
    return await _find_viewer(info, key)


async def _find_viewer(info: Info, key: UUID) -> Node | None:
    if info.context.principal.account_id != key:
        return None
    try:
        view = await info.context.services.accounts.view(info.context.principal)
    except (Unauthorized, Forbidden):
        return None
    return viewer_of(view, info.context.principal.scopes)
