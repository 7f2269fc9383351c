"""The public keys of a configured issuer (JWKS): fetched when they are needed, kept, and renewed when they rotate."""

import asyncio
import logging
import time

import jwt

from app.errors import Unavailable

log = logging.getLogger(__name__)

# Asymmetric ones alone: with HS256 a public key would be a password that everyone knows.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
_FETCH_TIMEOUT_S = 3.0
_FRESH_S = 300.0
"""After this the set is fetched again, so that a key that the issuer withdrew is good no longer."""
_STALE_S = 3_600.0
"""So long the last set serves where the issuer does not answer."""


class IssuerKeys:
    """Finds a key by its id."""

    def __init__(self, jwks_url: str, *, refetch_after_s: float = 5.0) -> None:
        """`refetch_after_s`: an unknown key id fetches the set no more often, as anyone can make ids up."""
        self._client = jwt.PyJWKClient(jwks_url, cache_jwk_set=False, cooldown_duration=0, timeout=_FETCH_TIMEOUT_S)
        self._refetch_after_s = refetch_after_s
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of this id; None where the issuer has none.

        Raises:
            Unavailable: the issuer does not answer, and what it last said is too old.
        """
        if self._is_young(_FRESH_S) and key_id in self._keys:
            return self._keys[key_id]
        async with self._fetching:
            if not (self._is_young(_FRESH_S) and key_id in self._keys):
                await self._fetch()
        if not self._is_young(_STALE_S):
            raise Unavailable("The keys of the token's issuer cannot be read just now.", retry_after_s=5)
        return self._keys.get(key_id)

    def _is_young(self, age_s: float) -> bool:
        return time.monotonic() - self._fetched_at < age_s

    async def _fetch(self) -> None:
        now = time.monotonic()
        if now - self._tried_at < self._refetch_after_s:
            return
        self._tried_at = now
        try:
            # The library's limit is on each wait for bytes; this one is on all of it.
            async with asyncio.timeout(2 * _FETCH_TIMEOUT_S):
                found = await asyncio.to_thread(self._client.get_jwk_set, refresh=True)
        except (jwt.PyJWTError, OSError, ValueError, TimeoutError) as error:
            log.warning("issuer_keys_unread", extra={"reason": type(error).__name__})
            return
        usable = [key for key in found.keys if key.algorithm_name in ALGORITHMS]
        self._keys = {key.key_id: key for key in usable}
        self._fetched_at = time.monotonic()
