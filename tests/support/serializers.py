"""Body types that schemathesis does not know; it loads this module itself (SCHEMATHESIS_HOOKS)."""

import schemathesis

from app.routes.tus_headers import PART_TYPE

schemathesis.serializer.alias(PART_TYPE, "application/octet-stream")
