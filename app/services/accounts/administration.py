"""What the command line does with accounts: make them, list them, let them in and out."""

from dataclasses import dataclass

from app.db.accounts import find_account_by_name, list_accounts, update_account
from app.db.credentials import end_sign_ins_of, list_api_keys, list_sign_in_keys, revoke_key
from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.records import AccountRecord, ApiKeyRecord
from app.domain.plans import Plans
from app.domain.texts import check_text
from app.domain.usernames import check_username
from app.errors import Conflict, InvalidRequest, NotFound
from app.ids import ApiKeyId
from app.services.accounts.accounts import ACTIVE, DISABLED, add_account
from app.services.accounts.new_keys import MAX_LISTED_KEYS
from app.services.accounts.passwords import Passwords

_MAX_NAME_CHARACTERS, _MAX_EMAIL_CHARACTERS = 100, 254


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is said of an account that shall be."""

    username: str
    plan: str
    display_name: str | None = None
    email: str | None = None
    password: str | None = None


class AdministrationService:
    """For whoever runs the server: nobody's scopes are asked."""

    def __init__(self, database: Database, plans: Plans) -> None:
        self._database = database
        self._plans = plans
        self._passwords = Passwords()

    async def add(self, wanted: NewAccount) -> AccountRecord:
        """Make an account.

        Raises:
            InvalidRequest: its name, plan, e-mail address or password cannot be.
            Conflict: the name is taken.
        """
        name = check_username(wanted.username)
        values = {
            "display_name": check_text(wanted.display_name, field="displayName", max_characters=_MAX_NAME_CHARACTERS),
            "email": check_text(wanted.email, field="email", max_characters=_MAX_EMAIL_CHARACTERS),
            "password_hash": None if wanted.password is None else await self._passwords.hash(wanted.password),
        }
        try:
            async with self._database.write() as db:
                await add_account(db, username=name, plan=self._check_plan(wanted.plan), now=utc_now(), values=values)
                return await _get(db, name)
        except RowConflict as error:
            raise Conflict(f"There is an account called {name}.", details={"field": "username"}) from error

    async def list_all(self) -> list[AccountRecord]:
        """Every account, the oldest first."""
        async with self._database.read() as db:
            return await list_accounts(db)

    async def get(self, username: str) -> AccountRecord:
        """The account of this name.

        Raises:
            NotFound: there is none.
        """
        async with self._database.read() as db:
            return await _get(db, username)

    async def disable(self, username: str) -> AccountRecord:
        """Let an account in no longer: its keys, sign-ins and upload tokens are refused within a second."""
        async with self._database.write() as db:
            account = await _get(db, username)
            await update_account(db, account.id, {"status": DISABLED})
            await end_sign_ins_of(db, account.id, now=utc_now())
            return await _get(db, username)

    async def enable(self, username: str) -> AccountRecord:
        """Let an account in again; its keys are good again, its sign-ins are not."""
        return await self._change(username, {"status": ACTIVE})

    async def set_plan(self, username: str, plan: str) -> AccountRecord:
        """Give an account another plan."""
        return await self._change(username, {"plan": self._check_plan(plan)})

    async def set_password(self, username: str, password: str, *, revokes_keys: bool = False) -> list[ApiKeyRecord]:
        """Give an account another password, and end every sign-in and batch token, as `sign_out` does."""
        kept = await self._passwords.hash(password)
        return await self._end_sign_ins(username, {"password_hash": kept}, revokes_keys=revokes_keys)

    async def sign_out(self, username: str, *, revokes_keys: bool = False) -> list[ApiKeyRecord]:
        """End every sign-in and batch token of an account.

        Returns the API keys that sign-ins made and that were good until now; with `revokes_keys` they end, too.
        """
        return await self._end_sign_ins(username, {}, revokes_keys=revokes_keys)

    async def _end_sign_ins(
        self, username: str, values: dict[str, object], *, revokes_keys: bool
    ) -> list[ApiKeyRecord]:
        now = utc_now()
        async with self._database.write() as db:
            account = await _get(db, username)
            if account.is_guest and values:
                raise InvalidRequest("The guests' account has no password.", details={"field": "username"})
            await end_sign_ins_of(db, account.id, now=now)
            if values:
                await update_account(db, account.id, values)
            keys = await list_sign_in_keys(db, account.id)
            for key in keys if revokes_keys else ():
                await revoke_key(db, ApiKeyId(key.id), now=now)
        return keys

    async def list_keys(self, username: str) -> list[ApiKeyRecord]:
        """The keys of an account."""
        async with self._database.read() as db:
            account = await _get(db, username)
            return await list_api_keys(db, account.id, limit=MAX_LISTED_KEYS)

    async def _change(self, username: str, values: dict[str, object]) -> AccountRecord:
        async with self._database.write() as db:
            account = await _get(db, username)
            await update_account(db, account.id, values)
            return await _get(db, username)

    def _check_plan(self, plan: str) -> str:
        if plan not in self._plans.by_name:
            known = ", ".join(sorted(self._plans.by_name))
            raise InvalidRequest(f"There is no plan called {plan[:64]!r}; there is {known}.", details={"field": "plan"})
        return plan


async def _get(db: Transaction, username: str) -> AccountRecord:
    account = await find_account_by_name(db, username)
    if account is None:
        raise NotFound(f"There is no account called {username[:64]!r}.")
    return account
