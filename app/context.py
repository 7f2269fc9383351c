"""What every resolver is given: who calls, the services, the loaders, and where the server is reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from strawberry.types import Info as StrawberryInfo

from app.domain.access import Principal
from app.domain.headers.facts import Budget
from app.loaders import Loaders
from app.services.accounts.accounts import AccountService
from app.services.accounts.numbering import NumberService
from app.services.accounts.preferences import PreferenceService
from app.services.accounts.signing_keys import SigningKeyService
from app.services.credentials.api_keys import ApiKeyService
from app.services.credentials.batch_tokens import BatchTokenService
from app.services.credentials.sign_in import SignInService
from app.services.delivery.delivery_urls import DeliveryURLService
from app.services.library.albums import AlbumService
from app.services.library.changes import LibraryService
from app.services.library.images import ImageService
from app.services.library.named_images import NamedImageService
from app.services.library.presets import PresetService
from app.services.library.trash import TrashService
from app.services.making.variants import VariantService
from app.services.uploads.fetched_uploads import FetchedUploadService
from app.services.uploads.importing import ImportService
from app.services.uploads.replacing import ReplacementService
from app.services.uploads.sessions import UploadService
from app.services.watching.image_watching import WatchService
from app.services.watching.library_watching import LibraryWatchService


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients reach this server, without slashes at the end."""

    base_url: str
    cdn_url: str

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins of this server's own pages, as browsers send them."""
        return tuple("://".join(urlsplit(url)[:2]) for url in (self.base_url, self.cdn_url))


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
