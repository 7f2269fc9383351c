"""Which addresses of pictures a host has: all of them below a prefix, or at its root and nothing else there."""

import re
from urllib.parse import urlsplit

from starlette.types import Scope

from app.domain.addresses import PictureRoot
from app.routes.negotiation import prefers_page

# Below the server's own address `/cdn` stays, whatever is set, so that no address that was given out dies.
_USUAL_PREFIX = ("cdn",)
_OWN_PLACES = ("/f/", "/i/", "/t/", "/image/", "/images/", "/cdn-cgi/imagedelivery/")
# Of the batch host of Cloudflare Images: no image has such an id.
_NO_PICTURES = re.compile(r"/images/v[12](/.*)?", re.DOTALL)
_PAGE = re.compile(r"/i/[^/]+")
_DEFAULT_PORTS = (":80", ":443")


class PictureHosts:
    """Reads `Host`. It chooses among our own addresses only: nothing that is answered is made of it."""

    def __init__(self, *, base_url: str, cdn_url: str) -> None:
        base, cdn = urlsplit(base_url), urlsplit(cdn_url)
        prefix = tuple(segment for segment in cdn.path.split("/") if segment)
        self._base_host = _plain(base.netloc)
        self._cdn_host: str | None = None
        prefixes: dict[tuple[str, ...], None] = {_USUAL_PREFIX: None}
        if _plain(cdn.netloc) != _plain(base.netloc):
            self._cdn_host = _plain(cdn.netloc)
        else:
            # What a proxy in front strips is no part of the paths that arrive here.
            stripped = sum(1 for segment in base.path.split("/") if segment)
            prefixes = {prefix[stripped:] or _USUAL_PREFIX: None, **prefixes}
        self._base_roots = [PictureRoot(cdn_prefix=one) for one in prefixes]
        self._cdn_root = PictureRoot(is_cdn_host=True, cdn_prefix=prefix)
        self._places = _OWN_PLACES + tuple(f"/{'/'.join(root.cdn_prefix)}/" for root in self._base_roots)

    def is_cdn(self, scope: Scope) -> bool:
        """Was it sent to the host that has pictures and nothing else? Of several the last counts, as everywhere."""
        if self._cdn_host is None:
            return False
        named = [value for name, value in scope["headers"] if name == b"host"]
        return self.is_cdn_name(named[-1].decode("latin-1") if named else None)

    def is_cdn_name(self, host: str | None) -> bool:
        """Is that the name of the host that has pictures and nothing else?"""
        return self._cdn_host is not None and host is not None and _plain(host) == self._cdn_host

    def roots(self, scope: Scope) -> list[PictureRoot]:
        """Where pictures are on this request's host: what is found below the first counts."""
        return [self._cdn_root] if self.is_cdn(scope) else self._base_roots

    def roots_of(self, host: str) -> list[PictureRoot]:
        """Where pictures are on a host by its name; nowhere on one that is not ours."""
        name = _plain(host)
        if name == self._cdn_host:
            return [self._cdn_root]
        return self._base_roots if name == self._base_host else []

    def is_picture(self, scope: Scope) -> bool:
        """Is a request answered by the pictures' part of the server?"""
        if scope["type"] != "http":
            return False
        return self.is_cdn(scope) or (
            scope["path"].startswith(self._places) and not _NO_PICTURES.fullmatch(scope["path"])
        )

    def is_page(self, scope: Scope) -> bool:
        """Is it the page around a picture that is asked for, at an address that a picture has too?"""
        if scope["method"] not in {"GET", "HEAD"} or not _PAGE.fullmatch(scope["path"]) or self.is_cdn(scope):
            return False
        accepted = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
        return prefers_page(accepted[-1] if accepted else None)


def _plain(host: str) -> str:
    """The host with its port, where that says something, in one spelling."""
    plain = host.strip().lower()
    for port in _DEFAULT_PORTS:
        plain = plain.removesuffix(port)
    name, colon, port_digits = plain.partition(":")
    return f"{name.removesuffix('.')}{colon}{port_digits}"
