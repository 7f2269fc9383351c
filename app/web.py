"""The whole server as one ASGI application, and what lives as long as it does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.adapters import list_picture_urls
from app.container import Container, open_container
from app.context import RequestContext
from app.domain.access import Principal
from app.ending import end_tasks
from app.errors import Forbidden, Unavailable
from app.graphql_api.callers import Callers, Credentials
from app.graphql_api.charging import AnonymousRate
from app.graphql_api.endpoint import GraphQLEndpoint
from app.graphql_api.schema import get_schema, write_sdl
from app.jobs import check_worker, read_landlock_abi
from app.loaders import Loaders, Sources
from app.middleware import RequestEnvelope, share_with_origins
from app.rate_limit import RateLimiter, parse_networks
from app.routes.archives import ArchiveRoute
from app.routes.faces import make_face_routes
from app.routes.faces.parts import FaceParts
from app.routes.handing_over import DeliveryMode, HandOver
from app.routes.handshakes import refuse_handshake
from app.routes.hosts import PictureHosts
from app.routes.ide import graphiql_page, static_mount
from app.routes.kept_pictures import Kept, KeptPictures
from app.routes.metrics import MetricsRoute
from app.routes.openapi import OpenAPIRoute
from app.routes.operations import Readiness, SchemaRoute, Seldom, healthz
from app.routes.page_routes import make_page_routes
from app.routes.picture_answers import PictureSender
from app.routes.pictures import Pictures
from app.routes.tus import FOLDER_METHODS, SESSION_METHODS, UploadDoor
from app.routes.upload import UploadRoute
from app.services.credentials.authentication import Authenticator
from app.services.delivery.cache import DeliveryCache
from app.services.delivery.rechecking import Rechecking
from app.services.uploads.at_once import AtOnceService
from app.services.uploads.form_uploads import FormUploadService
from app.services.uploads.scratch import check_scratch
from app.services.watching.feeds import Feeds
from app.settings import Settings

log = logging.getLogger(__name__)

RECHECK_SOCKETS_S = 1.0
RECHECK_PICTURES_S = 0.5
"""With the question itself less than the second that docs/delivery.md promises of a change of privacy."""


class Server:
    """Its parts are built when it starts; until then it serves nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lifespan = Starlette(lifespan=lambda _starlette: self.running())
        self.routes: list[BaseRoute] = []
        """All but those of pictures and of GraphQL, while it runs."""
        self._kept: KeptPictures | None = None
        self._graphql: GraphQLEndpoint[Principal] | None = None
        self._feeds: Feeds | None = None
        self._app: ASGIApp = self._lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve: pictures that are in memory at once, all else through the envelope."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if self._kept is None or scope["type"] != "http" or not await self._kept.send(scope, receive, send):
            await self._app(scope, receive, send)

    def answer_at_once(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        """What is in memory for a request, for app.connections: status, header lines, body; None for all else."""
        return None if self._kept is None else self._kept.write(scope)

    def prepare_to_stop(self) -> None:
        """End what would never end by itself, and what only waits; other requests under way go on."""
        if self._graphql is not None:
            self._graphql.leave_streams()
        if self._feeds is not None:
            self._feeds.stop_holding()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """It serves until the context is left."""
        async with open_container(self._settings) as container:
            authenticator = _make_authenticator(container)
            self._feeds = container.feeds
            self._graphql = graphql = _make_endpoint(container, authenticator)
            sender = _make_sender(container)
            hosts = PictureHosts(base_url=container.addresses.base_url, cdn_url=container.addresses.cdn_url)
            cache = DeliveryCache[Kept](container.bus, max_body_bytes=container.settings.memory_cache_bytes)
            self._kept = KeptPictures(cache, sender, container.store.read, hosts.is_cdn_name)
            pictures = Pictures(
                container.pictures,
                self._kept,
                authenticator.authenticate,
                sender,
                hosts=hosts,
                cdn_url=container.addresses.cdn_url,
            )
            pages = make_page_routes(
                container.showing,
                authenticator.authenticate,
                hosts,
                base_url=container.addresses.base_url,
                picture_urls=list_picture_urls(container.settings, container.store),
            )
            self.routes = [*_routes(container, authenticator, pictures), *pages]
            routes = Router(routes=self.routes, redirect_slashes=False)
            app = RequestEnvelope(
                _Fork(hosts, pictures, graphql, routes),
                trusted_proxies=parse_networks(self._settings.trusted_proxies),
                public_urls=(container.addresses.base_url, container.addresses.cdn_url),
            )
            self._app = share_with_origins(container.settings.allowed_origins, app, hosts)
            rechecking = _recheck_for_ever(graphql, Rechecking(container.database, cache))
            try:
                yield
            finally:
                await end_tasks(rechecking)


class _Fork:
    """Pictures and GraphQL to their own applications, everything else to the router."""

    def __init__(self, hosts: PictureHosts, pictures: Pictures, graphql: ASGIApp, routes: ASGIApp) -> None:
        self._hosts = hosts
        self._pictures = pictures
        self._graphql = graphql
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_graphql = scope["path"] == "/graphql"
        if scope["type"] == "websocket" and (self._hosts.is_cdn(scope) or not is_graphql):
            await refuse_handshake(send, Forbidden("WebSockets are served at /graphql of the server's own host only."))
        elif self._hosts.is_picture(scope) and not self._hosts.is_page(scope):
            await self._pictures(scope, receive, send)
        elif is_graphql:
            await self._graphql(scope, receive, send)
        else:
            # With an `app` in the scope the router raises where it finds nothing, for the envelope to tell.
            await self._routes({**scope, "app": self}, receive, send)


def _make_authenticator(container: Container) -> Authenticator:
    services = container.services
    return Authenticator(
        container.accounts,
        services.uploads,
        services.sign_in,
        container.foreign_tokens,
        batch_tokens=services.batch_tokens,
    )


def _make_sender(container: Container) -> PictureSender:
    store = container.store
    if container.settings.delivery == "accel":
        handing = HandOver(DeliveryMode.ACCEL, lambda key, _handed: store.nginx_path(key))
    elif container.settings.delivery == "redirect":
        handing = HandOver(DeliveryMode.REDIRECT, store.public_link)
    else:
        handing = None
    return PictureSender(store.open, handing, note_view=container.views.note)


def _make_endpoint(container: Container, authenticator: Authenticator) -> GraphQLEndpoint[Principal]:
    async def authenticate(credentials: Credentials) -> Principal:
        shown = credentials
        return await authenticator.authenticate(shown.authorization, shown.api_key, shown.assertion)

    services = container.services
    sources = Sources(
        accounts=services.accounts,
        albums=services.albums,
        images=services.images,
        uploads=services.uploads,
        signing_keys=services.signing_keys,
    )

    def make_context(principal: Principal, _connection: HTTPConnection, request_id: str) -> RequestContext:
        return RequestContext(
            principal=principal,
            request_id=request_id,
            services=services,
            loaders=Loaders(principal, sources),
            addresses=container.addresses,
            server=container.server,
            object_url=container.object_url,
        )

    anonymous = AnonymousRate(RateLimiter(container.redis), container.settings.anonymous_cost_per_minute)
    return GraphQLEndpoint(
        get_schema(),
        Callers(authenticate, make_context, anonymous.charge),
        ide_page=graphiql_page,
        # A proxy that does not pass Host must not shut out our own pages.
        allowed_origins=(*container.settings.allowed_origins, *container.addresses.origins),
    )


def _routes(container: Container, authenticator: Authenticator, pictures: ASGIApp) -> list[BaseRoute]:
    readiness = Readiness(
        checks={
            "database": container.database.check,
            "redis": container.redis.ping,
            "store": Seldom(container.store.check),
            "tmp": lambda: check_scratch(container.scratch_dir),
            "worker": lambda: check_worker(container.redis),
        },
        reads={"database": container.database.check, "store": container.store.read_marker},
        warnings={"sandbox": "SAFELIGHT_ALLOW_UNSANDBOXED is set"} if container.settings.allow_unsandboxed else {},
        read_landlock_abi=lambda: read_landlock_abi(container.redis),
    )
    metrics = MetricsRoute(container.figures, readiness.checks, container.settings.metrics_token)
    upload = UploadDoor(
        upload=UploadRoute(container.reception, container.addresses),
        resuming=container.resuming,
        uploads=container.services.uploads,
        authenticate=authenticator.authenticate,
        addresses=container.addresses,
        max_upload_bytes=container.server.max_upload_bytes,
    )
    document = OpenAPIRoute.of(container.server.version, container.addresses.base_url)
    return [
        Route("/", _home, methods=["GET"]),
        Route("/schema.graphql", SchemaRoute(write_sdl()).__call__, methods=["GET"]),
        Route("/upload", upload.folder, methods=FOLDER_METHODS),
        Route("/upload/{session}", upload.session, methods=SESSION_METHODS),
        Route("/albums/{name}", ArchiveRoute(container.archives, authenticator.authenticate).__call__, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readiness.__call__, methods=["GET"]),
        Route("/metrics", metrics.__call__, methods=["GET"]),
        Route("/openapi.json", document.__call__, methods=["GET"]),
        static_mount(),
        *make_face_routes(_face_parts(container, authenticator, pictures)),
    ]


def _face_parts(container: Container, authenticator: Authenticator, pictures: ASGIApp) -> FaceParts:
    return FaceParts(
        services=container.services,
        reception=container.reception,
        at_once=AtOnceService(container.services.uploads, container.reception),
        form_uploads=FormUploadService(
            *(container.database, container.bus, container.accounts, container.services.uploads, container.reception),
            scratch_dir=container.scratch_dir,
        ),
        authenticate=authenticator.authenticate,
        addresses=container.addresses,
        server=container.server,
        object_url=container.object_url,
        pictures=pictures,
    )


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


def _recheck_for_ever(graphql: GraphQLEndpoint[Principal], changes: Rechecking) -> list["asyncio.Task[None]"]:
    sockets = asyncio.create_task(_repeat(graphql.recheck_sockets, RECHECK_SOCKETS_S), name="recheck-sockets")
    return [sockets, asyncio.create_task(_repeat(changes.look, RECHECK_PICTURES_S), name="recheck-pictures")]


async def _repeat(look: Callable[[], Awaitable[None]], pause_s: float) -> None:
    while True:
        await asyncio.sleep(pause_s)
        try:
            await look()
        except Unavailable:
            continue
        except Exception as error:
            # What was revoked or made private must end, whatever else is wrong.
            log.error("recheck_failed", exc_info=error)
