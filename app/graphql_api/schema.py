"""Where nouns and verbs become one schema."""

from functools import cache

from app.graphql_api.execution import SafelightSchema, make_schema
from app.resolvers.root import NODE_TYPES, Mutation, Query, Subscription
from app.schema.scalars import SCALARS


@cache
def get_schema() -> SafelightSchema:
    """The schema; built once, as it takes a while and nothing in it depends on the settings."""
    return make_schema(Query, Mutation, Subscription, types=NODE_TYPES, config=SCALARS)


def write_sdl() -> str:
    """The schema in GraphQL's own language, as it is committed and served."""
    return get_schema().as_str() + "\n"
