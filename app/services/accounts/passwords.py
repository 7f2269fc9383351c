"""Passwords: Argon2id, off the event loop, a few at a time."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import InvalidRequest

MIN_CHARACTERS, MAX_CHARACTERS = 8, 1_024
# Each takes 64 MiB (the library's choice, after RFC 9106) and a core: a crowd of sign-ins must wait, not fill memory.
_AT_ONCE = 2


class Passwords:
    """Makes and checks what is kept of passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._nobodys_hash: str | None = None

    async def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            InvalidRequest: it is too short or too long.
        """
        if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
            message = f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters."
            raise InvalidRequest(message, details={"field": "password"})
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, _bytes_of(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Is it the password? Without anything kept it takes as long, and is not."""
        async with self._slots:
            if self._nobodys_hash is None:
                self._nobodys_hash = await asyncio.to_thread(self._hasher.hash, secrets.token_bytes(16))
            is_right = await asyncio.to_thread(self._matches, kept or self._nobodys_hash, password)
        return is_right and kept is not None

    def needs_rehash(self, kept: str) -> bool:
        """Was it made with other parameters than are used now?"""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _bytes_of(password))
        except (VerificationError, InvalidHashError):
            return False


def _bytes_of(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
