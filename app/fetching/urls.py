"""Read the URL of an import once, strictly: what is connected to later are its parts, never the text again."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from app.errors import UrlNotAllowed

MAX_URL_CHARACTERS = 4_096
DEFAULT_PORTS = {"http": 80, "https": 443}
# Parsers disagree about blanks, controls and backslashes: what one takes for the host is another one's path.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class FetchTarget:
    """Where one request goes."""

    scheme: str
    host: str
    """A name or an address, without brackets, in ASCII."""
    port: int
    path: str
    """With its query, percent-encoded."""

    @property
    def authority(self) -> str:
        """The value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """All of it, as redirects are resolved against."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def filename(self) -> str | None:
        """What the path's last part calls the file; None where it says nothing."""
        return unquote(self.path.partition("?")[0].rpartition("/")[2]) or None


@dataclass(frozen=True, slots=True)
class UrlRules:
    """What a URL may say. The default is the only one outside of tests."""

    ports: frozenset[int] = field(default_factory=lambda: frozenset(DEFAULT_PORTS.values()))


def parse_url(text: str, rules: UrlRules) -> FetchTarget:
    """The target that an absolute http(s) URL names.

    Raises:
        UrlNotAllowed: it is no such URL, or has credentials, another port, or signs that can be read in two ways.
    """
    if len(text) > MAX_URL_CHARACTERS:
        raise _refuse(f"The URL is longer than {MAX_URL_CHARACTERS:,} characters.")
    if _AMBIGUOUS.search(text):
        raise _refuse("The URL holds blanks, control characters or backslashes.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _refuse("The URL cannot be understood.") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise _refuse("Only http:// and https:// URLs are fetched.")
    if parts.username is not None or parts.password is not None:
        raise _refuse("The URL may hold no user name and no password.")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in rules.ports:
        raise _refuse("Only the ports 80 and 443 are fetched from.")
    return FetchTarget(parts.scheme, _read_host(parts), port, _read_path(parts))


def follow(target: FetchTarget, location: str, rules: UrlRules) -> FetchTarget:
    """The target of a redirect, which is held to the same rules.

    Raises:
        UrlNotAllowed: it leads where no import goes.
    """
    if len(location) > MAX_URL_CHARACTERS or _AMBIGUOUS.search(location):
        raise _refuse("The URL leads to another that cannot be understood.")
    try:
        joined = urljoin(target.url, location)
    except ValueError as error:
        raise _refuse("The URL leads to another that cannot be understood.") from error
    return parse_url(joined, rules)


def _read_host(parts: SplitResult) -> str:
    text = parts.netloc.rpartition("@")[2]
    text = text[: text.index("]") + 1] if text.startswith("[") and "]" in text else text.partition(":")[0]
    try:
        # As browsers do: ①②⑦ becomes 127, and is judged as what it became.
        host = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _refuse("The URL names no host.") from error
    host = host.rstrip(".")
    if not _HOST.fullmatch(host):
        raise _refuse("The URL names no host.")
    return host.strip("[]").lower()


def _read_path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return f"{path}?{query}" if query else path


def _refuse(message: str) -> UrlNotAllowed:
    return UrlNotAllowed(message, details={"field": "url"})
