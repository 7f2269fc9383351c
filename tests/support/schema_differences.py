"""How the schema differs from the contract today, and which issue removes each difference.

Each key is the title of an open issue, as far as needed to find it. `tests/test_house_schema.py` fails on a difference
that is missing here, and on an entry that no longer differs.
"""

SHOWN_RIGHT = "Images shown right, and every real client: no colour, frame or request misread"
FLAT = "Flat at a million: cost that does not grow with the library, and an executor that beats Node's"
FRONTEND = "What a frontend needs: watch many, typed client, loaders, recipes"
CONSOLE = "The console, and sharing: Safelight for people who write no code"

_NULLABLE_ROOT_FIELDS = """
Query.albums Query.apiKeys Query.images Query.imagesByIds Query.nodes Query.planProcessing Query.signingKeys Query.tags
Query.variantPresets Query.viewer Mutation.cancelUploadSession Mutation.createAlbum Mutation.createApiKey
Mutation.createUploadSession Mutation.createUploadSessions Mutation.createVariantPreset Mutation.deleteAlbum
Mutation.deleteImages Mutation.deleteSigningKey Mutation.deleteVariantPreset Mutation.generateVariants
Mutation.importImage Mutation.putSigningKey Mutation.refreshSession Mutation.replaceImage Mutation.restoreImages
Mutation.retryVariants Mutation.revokeApiKey Mutation.signIn Mutation.signOut Mutation.updateAlbum Mutation.updateImage
Mutation.updateImages Mutation.updatePreferences Mutation.updateVariantPreset
"""
_FRONTEND_TYPES = """
UploadSessionConnection UploadSessionEdge WatchedImageInput WatchedSessionInput StableVariantsOfEvent
UploadSessionsEvent
"""
_CONSOLE_TYPES = """
SignInChallenge SecondFactor Share ShareUpload ShareConnection ShareEdge SharedCollection SharedImage SharedImageEdge
SharedImageConnection SharedCollectionEvent ShareUploadInput UpdateShareUploadInput ShareUploadSessionInput
CreateShareInput UpdateShareInput SharePayload DeleteSharePayload
"""


def _nullable(fields: str) -> set[str]:
    return {f"{field} is stricter than the contract" for field in fields.split()}


def _missing(parts: str) -> set[str]:
    return {f"{part} is missing" for part in parts.split()}


EXPECTED: dict[str, set[str]] = {
    SHOWN_RIGHT: {
        *_nullable(_NULLABLE_ROOT_FIELDS),
        *_missing("Image.isHdr VariantPreset.key"),
        'Image.embed(size:) has changed defaultValue from "w1024" to "original".',
    },
    FLAT: _missing("ImageConnection.totalCountIsExact Query.tags(first)"),
    FRONTEND: {
        *_missing(_FRONTEND_TYPES),
        *_missing("SigningKey.id SigningKeysPayload.deletedId DeleteVariantPresetPayload.deletedId"),
        *_missing("Query.uploadSessions Subscription.stableVariantsOf Subscription.uploadSessions"),
        *_missing("LibraryEventKind.ALBUM_CREATED LibraryEventKind.ALBUM_UPDATED LibraryEventKind.ALBUM_DELETED"),
        *_missing("LibraryEvent.albumId LibraryEvent.album"),
        *_nullable("LibraryEvent.imageId"),
        "SigningKey does not implement Node",
    },
    CONSOLE: {
        *_missing(_CONSOLE_TYPES),
        *_missing("Image.expiresAt UpdateImageInput.expiresAt UpdateImagesInput.expiresAt UploadSession.deleteUrl"),
        *_missing("CreateUploadSessionInput.imageExpiresAt ImportImageInput.imageExpiresAt"),
        *_missing("PlannedVariant.estimatedBytes SignInPayload.challenge"),
        *_missing("Query.share Query.shares Mutation.createShare Mutation.updateShare Mutation.deleteShare"),
        *_missing("Mutation.createShareUploadSessions Mutation.confirmSignIn Subscription.share"),
        *_missing("Mutation.signIn(cookie)"),
        *_nullable("SignInPayload.accessToken SignInPayload.refreshToken SignInPayload.expiresAt SignInPayload.viewer"),
        "Mutation.refreshSession(refreshToken) is String!, in the contract String",
    },
}
