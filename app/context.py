"""What every resolver is given: who calls, the services, the loaders, and where the server is reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strawberry.types import Info as StrawberryInfo

from app.domain.access import Principal
from app.domain.headers.facts import Budget
from app.loaders import Loaders
from app.services.accounts import AccountService
from app.services.images import ImageService
from app.services.uploads import UploadService
from app.services.variants import VariantService
from app.services.watching import WatchService


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients reach this server, without slashes at the end."""

    base_url: str
    cdn_url: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What this server takes; the same for every caller."""

    version: str
    max_upload_bytes: int
    budget: Budget


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that resolvers and routes call."""

    accounts: AccountService
    uploads: UploadService
    images: ImageService
    variants: VariantService
    watching: WatchService


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One operation's surroundings; made anew for each, so that nothing is remembered from one to the next."""

    principal: Principal
    request_id: str
    services: Services
    loaders: Loaders
    addresses: Addresses
    server: ServerFacts
    object_url: Callable[[str], str]
    """Where the object of this key lies in the store."""


Info = StrawberryInfo[RequestContext, Any]
"""The root value is never used."""
