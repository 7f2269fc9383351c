"""Signed addresses, byte for byte as Cloudflare Images makes and checks them.

The message is the path, a question mark, and the query as it is sent but for `sig`; `exp` (Unix seconds) stands in the
query. The signature is the HMAC-SHA256 of that under the key's own characters, in lower-case hexadecimal digits.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

_EXPIRY = re.compile(r"[0-9]{1,12}", re.ASCII)


def sign(path: str, query: str, *, key: str, expires_at_s: int) -> str:
    """The address that is good until `expires_at_s`; path and query as they will be sent, percent-encoded."""
    parts = [part for part in query.split("&") if part and _name_of(part) not in {"exp", "sig"}]
    message = f"{path}?{'&'.join([*parts, f'exp={expires_at_s}'])}"
    return f"{message}&sig={_digest(message, key)}"


def verify(path_and_query: str, keys: Iterable[str], *, now_s: float, base_path: str = "") -> int | None:
    """When a signed address ends, in Unix seconds; None where none of the keys signed it, or its time is over.

    `base_path` is what a proxy in front has stripped of the path, if any: who signs an address signs all of it.
    Every key is tried, whether one fitted before or not, and compared in constant time.
    """
    path, _, query = path_and_query.partition("?")
    parts = query.split("&")
    signatures = [part for part in parts if _name_of(part) == "sig"]
    expiries = [part for part in parts if _name_of(part) == "exp"]
    if len(signatures) != 1 or len(expiries) != 1:
        return None
    arrived = f"{path}?{'&'.join(part for part in parts if part is not signatures[0])}"
    given = signatures[0].partition("=")[2].encode("utf-8", "surrogatepass")
    is_good = False
    for key in keys:
        for message in {arrived, base_path + arrived}:
            is_good |= hmac.compare_digest(_digest(message, key).encode(), given)
    expiry = expiries[0].partition("=")[2]
    if not is_good or not _EXPIRY.fullmatch(expiry) or int(expiry) < now_s:
        return None
    return int(expiry)


def is_signed(query: str) -> bool:
    """Does a query claim to be signed?"""
    return any(_name_of(part) == "sig" for part in query.split("&"))


def _digest(message: str, key: str) -> str:
    return hmac.new(key.encode(), message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _name_of(part: str) -> str:
    return part.partition("=")[0]
