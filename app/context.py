"""What every resolver is given: who calls, the services, the loaders, and where the server is reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strawberry.types import Info as StrawberryInfo

from app.domain.access import Principal
from app.domain.headers.facts import Budget
from app.loaders import Loaders
from app.services.accounts import AccountService
from app.services.albums import AlbumService
from app.services.api_keys import ApiKeyService
from app.services.batch_tokens import BatchTokenService
from app.services.delivery_urls import DeliveryURLService
from app.services.fetched_uploads import FetchedUploadService
from app.services.images import ImageService
from app.services.importing import ImportService
from app.services.library import LibraryService
from app.services.library_watching import LibraryWatchService
from app.services.named_images import NamedImageService
from app.services.numbering import NumberService
from app.services.preferences import PreferenceService
from app.services.presets import PresetService
from app.services.replacing import ReplacementService
from app.services.sign_in import SignInService
from app.services.signing_keys import SigningKeyService
from app.services.trash import TrashService
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
    guest_uploads: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that resolvers and routes call."""

    accounts: AccountService
    preferences: PreferenceService
    api_keys: ApiKeyService
    signing_keys: SigningKeyService
    sign_in: SignInService
    uploads: UploadService
    imports: ImportService
    images: ImageService
    albums: AlbumService
    library: LibraryService
    trash: TrashService
    variants: VariantService
    presets: PresetService
    replacements: ReplacementService
    watching: WatchService
    library_watching: LibraryWatchService
    numbers: NumberService
    named_images: NamedImageService
    fetched_uploads: FetchedUploadService
    delivery_urls: DeliveryURLService
    batch_tokens: BatchTokenService


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
