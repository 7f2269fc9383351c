"""JSON Web Tokens of a configured issuer, and the accounts that the identities in them belong to."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from app.db.accounts import (
    find_account,
    find_account_by_name,
    find_account_by_subject,
    list_unclaimed_by_email,
    note_sign_in,
    update_account,
)
from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.records import AccountRecord
from app.domain.access import SIGNED_IN_SCOPES, Principal
from app.domain.plans import FREE_PLAN
from app.domain.usernames import suggest_username
from app.errors import Unauthorized
from app.ids import hash_secret
from app.services.accounts.accounts import ACTIVE, add_account
from app.services.accounts.recent import Recent
from app.services.credentials.issuer_keys import ALGORITHMS, IssuerKeys

MAX_TOKEN_CHARACTERS = 16_384
_MAX_EMAIL_CHARACTERS = 254
_NAMES_TRIED = 1_000
_TRIES = 3
# Clocks differ a little, and issuers write the present moment into `nbf`.
_NOT_BEFORE_LEEWAY_S = 5

Claims = Mapping[str, Any]
"""What a token says: any JSON, looked into name by name."""


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Whose tokens are believed."""

    issuer: str
    audience: str
    jwks_url: str
    creates_accounts: bool
    claims_by_email: bool = False
    """A verified address opens the account of that address which has no subject yet."""


class ForeignTokenService:
    """Turns a token into the account of its subject."""

    def __init__(self, database: Database, trusted: TrustedIssuer, keys: IssuerKeys | None = None) -> None:
        self._database = database
        self._trusted = trusted
        self._keys = keys or IssuerKeys(trusted.jwks_url)
        self._known: Recent[AccountRecord] = Recent()

    async def authenticate(self, token: str) -> Principal:
        """The account behind a token.

        Raises:
            Unauthorized: the token is not good, or no active account belongs to its subject.
            Unavailable: the issuer's keys cannot be read.
        """
        claims = await self._read(token)
        subject = _subject_of(self._trusted.issuer, claims)
        account = self._known.find(subject)
        if account is None:
            account = await self._find_account(subject, claims)
            self._known.keep(subject, account)
        if account.status != ACTIVE:
            raise Unauthorized("This account is disabled.")
        return Principal(account.id, SIGNED_IN_SCOPES, plan=account.plan)

    async def _read(self, token: str) -> Claims:
        refusal = Unauthorized("This token is unknown, expired, or meant for somebody else.")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise refusal
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            key = await self._keys.find(key_id)
            # The key says how it is used, not the token.
            if key is None or header.get("alg") != key.algorithm_name or key.algorithm_name not in ALGORITHMS:
                raise refusal
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._trusted.issuer,
                audience=self._trusted.audience,
                options={"require": ["exp", "iss", "aud"], "verify_nbf": False, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise refusal from error
        if not _has_begun(claims):
            raise refusal
        return claims

    async def _find_account(self, subject: str, claims: Claims) -> AccountRecord:
        async with self._database.read() as db:
            account = await find_account_by_subject(db, subject)
        if account is not None:
            return account
        for _ in range(_TRIES):
            try:
                async with self._database.write() as db:
                    return await self._claim(db, subject, claims)
            except RowConflict:
                # Another process met the same subject, or took the same name, in the same moment: look again.
                continue
        raise Unauthorized("The account of this token could not be made. Try again.")

    async def _claim(self, db: Transaction, subject: str, claims: Claims) -> AccountRecord:
        account = await find_account_by_subject(db, subject)
        if account is not None:
            return account
        address = _email_of(claims)
        email = address if _is_verified(claims) else None
        may_claim = self._trusted.claims_by_email
        named = await list_unclaimed_by_email(db, email) if may_claim and email is not None else []
        if len(named) == 1:
            await update_account(db, named[0].id, {"subject": subject})
            account_id = named[0].id
        elif self._trusted.creates_accounts:
            name = await _free_name(
                db, suggest_username(address or str(claims.get("sub") or claims.get("common_name")))
            )
            values = {"email": email, "subject": subject}
            account_id = await add_account(db, username=name, plan=FREE_PLAN, now=utc_now(), values=values)
        else:
            raise Unauthorized("No account here belongs to this identity.")
        await note_sign_in(db, account_id, now=utc_now())
        made = await find_account(db, account_id)
        assert made is not None, "it was found or made just now"
        return made


def issuer_of(token: str) -> str | None:
    """Who a token says it is of, unverified; None where it is no token."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else None


def _has_begun(claims: Claims) -> bool:
    begins_at = claims.get("nbf", 0)
    return isinstance(begins_at, int | float) and begins_at <= time.time() + _NOT_BEFORE_LEEWAY_S


def _subject_of(issuer: str, claims: Claims) -> str:
    # Service tokens of Cloudflare Access have an empty subject and their id in `common_name`.
    name = claims.get("sub") or claims.get("common_name")
    if not isinstance(name, str):
        raise Unauthorized("This token names nobody.")
    return hashlib.sha256(f"{hash_secret(issuer)}:{name}".encode("utf-8", "surrogatepass")).hexdigest()


def _email_of(claims: Claims) -> str | None:
    email = claims.get("email")
    if not isinstance(email, str):
        return None
    is_one = 3 <= len(email) <= _MAX_EMAIL_CHARACTERS and email.isprintable() and "@" in email
    return email if is_one else None


def _is_verified(claims: Claims) -> bool:
    # Some issuers send strings. An issuer that does not say so has not verified.
    said = claims.get("email_verified")
    return said is True or said == "true"


async def _free_name(db: Transaction, wanted: str) -> str:
    for number in range(1, _NAMES_TRIED):
        name = wanted if number == 1 else f"{wanted}-{number}"
        if await find_account_by_name(db, name) is None:
            return name
    raise Unauthorized("No free username was found for this identity.")
