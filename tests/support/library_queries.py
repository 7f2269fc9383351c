"""Questions and changes of the library that several test modules send, and short forms of their answers."""

import pytest

from tests.support.client import Client, GraphQLFailure

UPDATE = """mutation ($input: UpdateImageInput!) { updateImage(input: $input) { image {
  id filename title alt description creator tags metadata visibility isNsfw focalPoint { x y } album { slug }
} } }"""
UPDATE_ONE = "mutation ($input: UpdateImageInput!) { updateImage(input: $input) { image { id cdnUrl } } }"
DELETE_MANY = "mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { deletedIds } }"
REPLACE = """mutation ($id: ID!, $fileSize: BigInt!) {
  replaceImage(id: $id, fileSize: $fileSize) {
    duplicate session { id token uploadUrl oneTimeUrl state image { id complete revision } }
  }
}"""
LIST = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: ImageFilter, $orderBy: ImageOrder) {
  images(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    totalCount edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def list_ids(client: Client, **variables: object) -> list[str]:
    """The ids of one page."""
    return [node["id"] for node in (await client.ask(LIST, **variables))["images"]["nodes"]]


async def field_refused(client: Client, query: str, **variables: object) -> tuple[str, object]:
    """Code and field of the one error."""
    with pytest.raises(GraphQLFailure) as failure:
        await client.ask(query, **variables)
    details = failure.value.errors[0]["extensions"].get("details") or {}
    return failure.value.code, details.get("field")
