"""Who may ask what: one entry for every field of Query, Mutation and Subscription.

A new field needs a new entry, or `test_access_matrix` fails. In documents `$IMAGE`, `$SESSION`, `$ALBUM`, `$KEY`,
`$PRESET` and `$SIGNER` stand for what belongs to somebody: the tests put the owner's own there, or what is nobody's.
"""

from dataclasses import dataclass

from app.domain.access import Scope


@dataclass(frozen=True, slots=True)
class Entry:
    """What is asked of a field, and who may."""

    document: str
    scope: Scope | None = None
    """Without it FORBIDDEN, and without any credential UNAUTHORIZED; None where anyone may ask."""
    sees: Scope | None = None
    """Anyone may ask, and without this scope what is private looks as if it were not there."""


def looked_up(document: str, scope: Scope = Scope.IMAGES_READ) -> Entry:
    return Entry(document, sees=scope)


_IMAGE = "image { id title state stableVariants { url ready } }"
_SESSION = "session { id state image { id } }"
_KEEPS = "images { id } failed { id code message }"

TABLE: dict[str, Entry] = {
    "Query.node": looked_up('{ node(id: "$IMAGE") { __typename id } }'),
    "Query.nodes": looked_up('{ nodes(ids: ["$IMAGE", "$SESSION"]) { __typename id } }'),
    "Query.viewer": Entry("{ viewer { username } }", Scope.ACCOUNT_READ),
    "Query.server": Entry("{ server { version } }"),
    "Query.image": looked_up('{ image(id: "$IMAGE") { id filename } }'),
    "Query.imagesByIds": looked_up('{ imagesByIds(ids: ["$IMAGE"]) { id filename } }'),
    "Query.images": Entry('{ images(filter: {albumId: "$ALBUM"}) { nodes { id } totalCount } }', Scope.IMAGES_READ),
    "Query.album": looked_up('{ album(id: "$ALBUM") { id title } }', Scope.ALBUMS_READ),
    "Query.albums": Entry("{ albums { nodes { id } totalCount } }", Scope.ALBUMS_READ),
    "Query.tags": Entry("{ tags { tag count } }", Scope.IMAGES_READ),
    "Query.uploadSession": looked_up('{ uploadSession(id: "$SESSION") { id state } }'),
    "Query.variantPresets": Entry("{ variantPresets { name } }", Scope.VARIANTS_READ),
    "Query.variantPreset": Entry('{ variantPreset(name: "$PRESET") { name } }', Scope.VARIANTS_READ),
    "Query.apiKeys": Entry("{ apiKeys { id } }", Scope.KEYS_READ),
    "Query.signingKeys": Entry("{ signingKeys { name value } }", Scope.KEYS_READ),
    "Query.planProcessing": Entry("{ planProcessing(width: 5, height: 5) { variants { size } } }", Scope.IMAGES_WRITE),
    "Mutation.createUploadSession": Entry(
        f'mutation {{ createUploadSession(input: {{fileSize: 9, albumId: "$ALBUM"}}) {{ {_SESSION} }} }}',
        Scope.IMAGES_WRITE,
    ),
    "Mutation.createUploadSessions": Entry(
        f'mutation {{ createUploadSessions(inputs: [{{fileSize: 9, albumId: "$ALBUM"}}]) {{ {_SESSION} }} }}',
        Scope.IMAGES_WRITE,
    ),
    "Mutation.cancelUploadSession": Entry(
        f'mutation {{ cancelUploadSession(id: "$SESSION") {{ {_SESSION} }} }}', Scope.IMAGES_WRITE
    ),
    "Mutation.importImage": Entry(
        f'mutation {{ importImage(input: {{url: "https://example.org/a.png", albumId: "$ALBUM"}}) {{ {_SESSION} }} }}',
        Scope.IMAGES_WRITE,
    ),
    "Mutation.replaceImage": Entry(
        f'mutation {{ replaceImage(id: "$IMAGE", fileSize: 9) {{ {_SESSION} }} }}', Scope.IMAGES_WRITE
    ),
    "Mutation.updateImage": Entry(
        f'mutation {{ updateImage(input: {{id: "$IMAGE", title: "mine"}}) {{ {_IMAGE} }} }}', Scope.IMAGES_WRITE
    ),
    "Mutation.updateImages": Entry(
        f'mutation {{ updateImages(input: {{ids: ["$IMAGE"], isNsfw: true}}) {{ {_KEEPS} }} }}', Scope.IMAGES_WRITE
    ),
    "Mutation.deleteImages": Entry(
        'mutation { deleteImages(ids: ["$IMAGE"]) { deletedIds failed { id code message } } }', Scope.IMAGES_WRITE
    ),
    "Mutation.restoreImages": Entry(
        f'mutation {{ restoreImages(ids: ["$IMAGE"]) {{ {_KEEPS} }} }}', Scope.IMAGES_WRITE
    ),
    "Mutation.generateVariants": Entry(
        'mutation { generateVariants(imageId: "$IMAGE", derivatives: [{family: PNG, size: "w128"}]) { image { id } } }',
        Scope.IMAGES_WRITE,
    ),
    "Mutation.retryVariants": Entry(
        'mutation { retryVariants(imageId: "$IMAGE") { image { id } } }', Scope.IMAGES_WRITE
    ),
    "Mutation.createAlbum": Entry(
        'mutation { createAlbum(input: {slug: "matrix"}) { album { id } } }', Scope.ALBUMS_WRITE
    ),
    "Mutation.updateAlbum": Entry(
        'mutation { updateAlbum(input: {id: "$ALBUM", title: "mine"}) { album { id title } } }', Scope.ALBUMS_WRITE
    ),
    "Mutation.deleteAlbum": Entry('mutation { deleteAlbum(id: "$ALBUM") { deletedId images } }', Scope.ALBUMS_WRITE),
    "Mutation.createVariantPreset": Entry(
        'mutation { createVariantPreset(input: {name: "matrix", fit: COVER, width: 9}) { preset { name } } }',
        Scope.VARIANTS_WRITE,
    ),
    "Mutation.updateVariantPreset": Entry(
        'mutation { updateVariantPreset(input: {name: "$PRESET", width: 9}) { preset { name } } }', Scope.VARIANTS_WRITE
    ),
    "Mutation.deleteVariantPreset": Entry(
        'mutation { deleteVariantPreset(name: "$PRESET") { deletedName } }', Scope.VARIANTS_WRITE
    ),
    "Mutation.createApiKey": Entry(
        'mutation { createApiKey(input: {name: "k", scopes: [IMAGES_READ]}) { apiKey { name } } }', Scope.KEYS_WRITE
    ),
    "Mutation.revokeApiKey": Entry('mutation { revokeApiKey(id: "$KEY") { apiKey { id } } }', Scope.KEYS_WRITE),
    "Mutation.putSigningKey": Entry(
        'mutation { putSigningKey(name: "matrix") { signingKeys { name } } }', Scope.KEYS_WRITE
    ),
    "Mutation.deleteSigningKey": Entry(
        'mutation { deleteSigningKey(name: "$SIGNER") { signingKeys { name } } }', Scope.KEYS_WRITE
    ),
    "Mutation.updatePreferences": Entry(
        "mutation { updatePreferences(input: {browserTtl: 60}) { viewer { username } } }", Scope.ACCOUNT_WRITE
    ),
    "Mutation.signIn": Entry('mutation { signIn(username: "nobody", password: "x") { accessToken } }'),
    "Mutation.refreshSession": Entry('mutation { refreshSession(refreshToken: "slr_x") { accessToken } }'),
    "Mutation.signOut": Entry("mutation { signOut }"),
    "Subscription.stableVariants": looked_up('subscription { stableVariants(imageId: "$IMAGE") { revision } }'),
    "Subscription.uploadSession": looked_up('subscription { uploadSession(id: "$SESSION") { state } }'),
    "Subscription.library": Entry('subscription { library(albumId: "$ALBUM") { kind } }', Scope.IMAGES_READ),
}

OWNERS_ALONE: dict[str, object] = {
    "metadata": {},
    "album { id }": None,
    "storageUrl": None,
    "storageVariants { id }": [],
    "signedUrl { url }": None,
    "exif { location { latitude } }": {"location": None},
    "transformUrl(transform: {width: 5})": None,
    "stableVariants { storageUrl }": [{"storageUrl": None}],
    "stableVariants { signedUrl { url } }": [{"signedUrl": None}],
}
"""Fields of a PUBLIC image, made ORIGINAL_ONLY, and what others than its owner get of them."""
