"""Every GraphQL document that the import sends to the new server."""

GREET = """
query Greet {
  server { version maxUploadBytes }
  viewer { username accountHash limits { maxUploadBytes canMultiUpload } }
}
"""

OPEN = """
mutation Open($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) { duplicate session { id token uploadUrl state image { id } } }
}
"""

CANCEL = """
mutation Cancel($id: ID!) { cancelUploadSession(id: $id) { session { id } } }
"""

LOOK = """
query Look($id: ID!) { uploadSession(id: $id) { id uploadUrl state image { id } } }
"""

_IMAGE = """
fragment Moved on Image {
  id shortId customId sha256 byteSize state stableUrl cdnUrl viewUrl shortUrl
  title alt description creator visibility isNsfw tags metadata album { slug }
}
"""

READ = (
    """
query Read($id: ID, $customId: String) { image(id: $id, customId: $customId) { ...Moved } }
"""
    + _IMAGE
)

PLACE = (
    """
mutation Place($id: ID!, $slug: String!) { updateImage(input: {id: $id, albumSlug: $slug}) { image { ...Moved } } }
"""
    + _IMAGE
)

ALBUM = """
query Album($slug: String!) { album(slug: $slug) { id } }
"""

PRESET = """
query Preset($name: String!) { variantPreset(name: $name) { fit width height } }
"""

CREATE_PRESET = """
mutation CreatePreset($input: VariantPresetInput!) { createVariantPreset(input: $input) { __typename } }
"""

CREATE_ALBUM = """
mutation CreateAlbum($input: CreateAlbumInput!) { createAlbum(input: $input) { album { id } } }
"""
