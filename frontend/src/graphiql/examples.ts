// The tabs of a first visit, in the order of a first try. Each runs as it is.
import { LATEST } from "./server";

const ABOUT_IMAGE = JSON.stringify({ imageId: LATEST }, null, 2);

export const EXAMPLES = [
  {
    query: `# 1 · What is here, and who am I?
# Paste your API key at the top right: the first
# start printed it. Then press Ctrl-Enter.
query Hello {
  server {
    version
    inputFormats
    outputFamilies
    maxUploadBytes
  }
  viewer {
    username
    plan
    stats {
      images {
        count
        storageUsedBytes
      }
    }
  }
}
`,
  },
  {
    query: `# 2 · Open an upload session: the image and all its
# addresses are known before a byte is sent. Run it,
# run tab 3, then press "Send a picture".
mutation OpenSession($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) {
    session {
      id
      uploadUrl
      token
      expiresAt
      maxBytes
      image {
        id
        stableVariants {
          family
          size
          url
          ready
        }
      }
    }
  }
}
`,
    variables: JSON.stringify(
      {
        input: {
          fileSize: 20_000_000,
          filename: "first-light.jpg",
          // Has a default; the editor asks for it all the same.
          expiresIn: 1800,
          processing: {
            profile: "CUSTOM",
            derivatives: [
              { family: "WEBP", size: "small" },
              { family: "WEBP", size: "medium" },
              { family: "AVIF", size: "medium" },
              { family: "ORIGINAL", size: "small" },
            ],
          },
        },
      },
      null,
      2,
    ),
  },
  {
    query: `# 3 · Watch it develop: the whole state at once, then
# every change, pushed. Ends when all is ready.
# "${LATEST}" is the image of the newest session; any
# image's id may stand in its place.
subscription Watch($imageId: ID!) {
  stableVariants(imageId: $imageId) {
    revision
    progress {
      ready
      total
      failed
    }
    complete
    changed {
      family
      size
      state
      width
      height
      url
    }
  }
}
`,
    variables: ABOUT_IMAGE,
  },
  {
    query: `# 4 · The image and its addresses; "${LATEST}" as in
# tab 3.
query Picture($imageId: ID!) {
  image(id: $imageId) {
    id
    state
    filename
    contentType
    width
    height
    placeholder {
      thumbhash
      dominantColor
    }
    stableVariants {
      family
      size
      ready
      width
      height
      byteSize
      url
    }
  }
}
`,
    variables: ABOUT_IMAGE,
  },
  {
    query: `# 5 · Live: everything that happens in your library,
# from now on. Run it, then send another picture in
# tab 2, change one, or delete one.
subscription Library {
  library {
    kind
    imageId
    image {
      filename
      state
      complete
      picture {
        html
      }
    }
  }
}
`,
  },
];
