"""Every GraphQL document that the command line sends."""

GREET = """
query Greet {
  server { version maxUploadBytes }
  viewer { username }
}
"""

OPEN_SESSION = """
mutation OpenSession($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) {
    duplicate
    session { id token uploadUrl image { id stableVariants { ...Promise } } }
  }
}

fragment Promise on Variant { family size url state width height byteSize error { code message } }
"""

CANCEL_SESSION = """
mutation CancelSession($id: ID!) {
  cancelUploadSession(id: $id) { session { id state } }
}
"""

# With the last revision that was seen as `after`, a new socket goes on where the old one broke off.
WATCH = """
subscription Watch($id: ID!, $after: Int) {
  stableVariants(imageId: $id, after: $after) {
    revision
    complete
    image { id width height }
    progress { total ready failed }
    stableVariants { ...Promise }
  }
}

fragment Promise on Variant { family size url state width height byteSize error { code message } }
"""

READ_IMAGE = """
query ReadImage($id: ID!) {
  image(id: $id) { id width height stableVariants { ...Promise } }
}

fragment Promise on Variant { family size url state width height byteSize error { code message } }
"""
