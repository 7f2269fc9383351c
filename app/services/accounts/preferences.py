"""What an account's owner chooses for new images."""

from collections.abc import Mapping

from app.db.accounts import find_account, update_account
from app.db.engine import Database
from app.domain.access import Principal, Scope, require_account
from app.domain.browser_ttl import check_browser_ttl
from app.errors import Unauthorized
from app.services.accounts.accounts import AccountService, AccountView


class PreferenceService:
    """Preferences of the caller's own account."""

    def __init__(self, database: Database, accounts: AccountService) -> None:
        self._database = database
        self._accounts = accounts

    async def update(self, principal: Principal, changes: Mapping[str, object]) -> AccountView:
        """Keep what is not named, set what is, and put what is None back to its default. Needs ACCOUNT_WRITE.

        The names are those of `preferences_of`. Images that are there already stay as they are.

        Raises:
            InvalidRequest: the time that browsers may keep pictures is none.
        """
        account_id = require_account(principal, Scope.ACCOUNT_WRITE)
        browser_ttl_s = changes.get("browser_ttl_s")
        if isinstance(browser_ttl_s, int):
            check_browser_ttl(browser_ttl_s)
        async with self._database.write() as db:
            account = await find_account(db, account_id, for_update=True)
            if account is None:
                raise Unauthorized("This account is gone.")
            merged = {**account.preferences, **changes}
            kept = {name: value for name, value in merged.items() if value is not None}
            await update_account(db, account_id, {"preferences": kept})
        return await self._accounts.view_own(account_id)
