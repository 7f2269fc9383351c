"""`safelight users` and `safelight keys`: who may use this server, from its own command line."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table

from app.commands.preparing import open_migrated
from app.container import open_accounts
from app.db.migrating import NotMigrated
from app.db.records import AccountRecord, ApiKeyRecord
from app.domain.access import Scope
from app.domain.plans import FREE_PLAN
from app.errors import NotFound, SafelightError
from app.ids import ApiKeyId, KeyStyle, parse_uuid
from app.services.accounts.administration import AdministrationService, NewAccount
from app.services.credentials.api_keys import ApiKeyService
from app.settings import InvalidSettings, load_settings
from app.supervisor.ground import CannotStart

T = TypeVar("T")
_WIDE = 10_000


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with."""

    people: AdministrationService
    keys: ApiKeyService


@click.group()
def users() -> None:
    """Accounts: add, list, disable and enable them, change their plan or password."""


@users.command("add")
@click.argument("username")
@click.option("--plan", default=FREE_PLAN, show_default=True, help="Name of a plan.")
@click.option("--name", "display_name", help="As the owner wants to be called.")
@click.option("--email", help="Where the owner can be reached.")
@click.option("--password", "has_password", is_flag=True, help="Ask for a password, or read one from stdin.")
def add_user(username: str, plan: str, display_name: str | None, email: str | None, has_password: bool) -> None:
    """Make an account; without a password it is used by API keys alone."""
    password = read_password() if has_password else None
    wanted = NewAccount(username, plan, display_name, email, password)
    account = work(lambda desk: desk.people.add(wanted))
    click.echo(f"{account.username} was added with the plan {account.plan}.")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_users(as_json: bool) -> None:
    """List every account."""
    show([_account_row(account) for account in work(lambda desk: desk.people.list_all())], as_json=as_json)


@users.command("disable")
@click.argument("username")
def disable_user(username: str) -> None:
    """Refuse everything an account holds: keys, sign-ins, upload tokens. What it has uploaded stays."""
    work(lambda desk: desk.people.disable(username))
    click.echo(f"{username} is disabled.")


@users.command("enable")
@click.argument("username")
def enable_user(username: str) -> None:
    """Let an account in again."""
    work(lambda desk: desk.people.enable(username))
    click.echo(f"{username} is active.")


@users.command("set-plan")
@click.argument("username")
@click.argument("plan")
def set_plan(username: str, plan: str) -> None:
    """Give an account another plan."""
    work(lambda desk: desk.people.set_plan(username, plan))
    click.echo(f"{username} has the plan {plan}.")


_revoke_keys = click.option("--revoke-keys", is_flag=True, help="Revoke the API keys that its sign-ins made.")


@users.command("set-password")
@click.argument("username")
@_revoke_keys
def set_password(username: str, revoke_keys: bool) -> None:
    """Ask for an account's new password, or read it from stdin; its sign-ins and batch tokens end."""
    password = read_password()
    left = work(lambda desk: desk.people.set_password(username, password, revokes_keys=revoke_keys))
    click.echo(f"{username} has a new password.")
    _report_keys(left, username, are_revoked=revoke_keys)


@users.command("sign-out")
@click.argument("username")
@_revoke_keys
def sign_out(username: str, revoke_keys: bool) -> None:
    """End every sign-in and batch token of an account."""
    left = work(lambda desk: desk.people.sign_out(username, revokes_keys=revoke_keys))
    click.echo(f"{username} is signed out everywhere.")
    _report_keys(left, username, are_revoked=revoke_keys)


def _report_keys(made: list[ApiKeyRecord], username: str, *, are_revoked: bool) -> None:
    if not made:
        return
    state = "are revoked" if are_revoked else "are still good; --revoke-keys revokes them"
    click.echo(f"API keys that sign-ins of {username} made {state}:")
    show([_key_row(key) for key in made], as_json=False)


@click.group()
def keys() -> None:
    """API keys: add, list and revoke them."""


@keys.command("add")
@click.argument("username")
@click.option("--name", default="command line", show_default=True, help="To tell it from others.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; may be given again. Default everything but admin.",
)
@click.option("--expires", type=click.DateTime(), help="Last moment it is good, in UTC.")
@click.option(
    "--style",
    default=KeyStyle.SAFELIGHT.name.lower(),
    show_default=True,
    type=click.Choice([style.name.lower() for style in KeyStyle]),
    help="Whose keys it looks like; it is good everywhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add_key(
    username: str, name: str, scopes: tuple[str, ...], expires: datetime | None, style: str, as_json: bool
) -> None:
    """Make an API key for an account and print it, this once."""
    wanted = [Scope(scope) for scope in scopes] or [scope for scope in Scope if scope is not Scope.ADMIN]
    expires_at = expires.replace(tzinfo=UTC) if expires is not None else None

    async def make(desk: Desk) -> tuple[ApiKeyRecord, str]:
        account = await desk.people.get(username)
        made = await desk.keys.create_for(
            account.id, name=name, scopes=wanted, expires_at=expires_at, style=KeyStyle[style.upper()]
        )
        return made.record, made.secret

    record, secret = work(make)
    click.echo(json.dumps({**_key_row(record), "secret": secret}) if as_json else secret)


@keys.command("list")
@click.argument("username")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_keys(username: str, as_json: bool) -> None:
    """List an account's API keys."""
    show([_key_row(key) for key in work(lambda desk: desk.people.list_keys(username))], as_json=as_json)


@keys.command("revoke")
@click.argument("username")
@click.argument("key")
def revoke_key(username: str, key: str) -> None:
    """End an API key, named by its id or by its first characters."""

    async def revoke(desk: Desk) -> ApiKeyRecord:
        account = await desk.people.get(username)
        found = _find_keys(await desk.people.list_keys(username), key)
        if not found:
            raise NotFound(f"There is no such key of {username}: see `safelight keys list {username}`.")
        if len(found) > 1:
            raise NotFound(
                f"{len(found)} keys of {username} begin so: name it by more of its characters, or by its id."
            )
        return await desk.keys.revoke_for(account.id, ApiKeyId(found[0].id))

    click.echo(f"{work(revoke).prefix}… is revoked.")


def _find_keys(keys: list[ApiKeyRecord], named: str) -> list[ApiKeyRecord]:
    """Those of this id or prefix; else the live ones whose prefix begins so."""
    exact = [key for key in keys if key.prefix == named or key.id == parse_uuid(named)]
    return exact or [key for key in keys if named and key.revoked_at is None and key.prefix.startswith(named)]


def work(action: Callable[[Desk], Awaitable[T]]) -> T:
    """Do something with the database of the settings; ends the program with status 1 where that cannot be."""
    try:
        return asyncio.run(_work(action))
    except (InvalidSettings, CannotStart, NotMigrated) as error:
        click.echo(f"safelight: {error}", err=True)
    except SafelightError as error:
        click.echo(f"safelight: {error.message}", err=True)
    sys.exit(1)


async def _work(action: Callable[[Desk], Awaitable[T]]) -> T:
    settings = load_settings()
    async with open_migrated(settings) as database:
        accounts = open_accounts(settings, database)
        return await action(Desk(AdministrationService(database, accounts.plans), ApiKeyService(database, accounts)))


def read_password() -> str:
    """Ask twice at a terminal; elsewhere the first line of stdin."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")


def show(rows: list[dict[str, object]], *, as_json: bool) -> None:
    """Print rows as JSON or as a table."""
    if as_json:
        click.echo(json.dumps(rows))
        return
    if not rows:
        click.echo("None.")
        return
    table = Table(*(name.replace("_", " ") for name in rows[0]), box=None)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    # However narrow the terminal: what is cut off cannot be copied.
    Console(width=_WIDE).print(table)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(part) for part in value)
    return "–" if value is None else str(value)


def _account_row(account: AccountRecord) -> dict[str, object]:
    return {
        "username": account.username,
        "status": account.status,
        "plan": account.plan,
        "email": account.email,
        "created": _moment(account.created_at),
        "last_sign_in": _moment(account.last_login_at),
    }


def _key_row(key: ApiKeyRecord) -> dict[str, object]:
    return {
        "id": str(key.id),
        "prefix": key.prefix,
        "name": key.name,
        "scopes": list(key.scopes),
        "created": _moment(key.created_at),
        "last_used": _moment(key.last_used_at),
        "expires": _moment(key.expires_at),
        "revoked": _moment(key.revoked_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
