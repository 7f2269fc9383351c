"""`safelight import`: its options, and which report they mean."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console

from app.client.address import Address, parse_address
from app.client.moving.bars import BarReport
from app.client.moving.cloudflare import Cloudflare
from app.client.moving.items import Source
from app.client.moving.json_lines import JSONReport
from app.client.moving.lines import LineReport
from app.client.moving.old_site import OldAddress, OldSite
from app.client.moving.pixelflare import PixelFlare
from app.client.moving.pixelfox import PixelFox
from app.client.moving.reports import Report
from app.client.moving.running import Import, run_import
from app.client.moving.slink import Slink


@dataclass(frozen=True, slots=True)
class _System:
    header: str
    """How it is given its key."""
    prefix: str
    """What its documents' base URL has behind the root."""

    def credentials(self, key: str) -> dict[str, str]:
        return {self.header: f"Bearer {key}" if self.header == "Authorization" else key}


SYSTEMS = {
    "cloudflare": _System("Authorization", "/client/v4"),
    "pixelflare": _System("Authorization", "/v1"),
    "pixelfox": _System("X-API-Key", "/api/v1"),
    "slink": _System("Authorization", "/api"),
}


@click.command("import")
@click.argument("system", type=click.Choice(list(SYSTEMS)))
@click.option("--from", "old_url", required=True, help="The old system's base URL.")
@click.option(
    "--key",
    "old_key",
    envvar="SAFELIGHT_IMPORT_KEY",
    help="The old system's key; better in the environment. [env: SAFELIGHT_IMPORT_KEY]",
)
@click.option(
    "--to",
    "new_url",
    envvar="SAFELIGHT_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="The new Safelight. [env: SAFELIGHT_URL]",
)
@click.option("--to-key", "new_key", envvar="SAFELIGHT_KEY", help="An API key of it. [env: SAFELIGHT_KEY]")
@click.option("--account", help="cloudflare: the account's id.")
@click.option(
    "--ids",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="pixelfox: a file of image ids or addresses, one a line, or a CSV table.",
)
@click.option("--file-host", "file_hosts", multiple=True, help="Another host of the old system, as cdn.example.org.")
@click.option("--original-only", is_flag=True, help="Make nothing but the originals.")
@click.option("--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Images copied at once.")
@click.option("--dry-run", is_flag=True, help="List what would be copied, and change nothing.")
@click.option("--journal", type=click.Path(path_type=Path, dir_okay=False), help="What was done, to go on from.")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Old addresses and new ones: CSV, or nginx' own kind where it ends in .map.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line.")
def import_(  # noqa: PLR0913, PLR0917  (one for each option: click calls it so)
    system: str,
    old_url: str,
    old_key: str | None,
    new_url: str,
    new_key: str | None,
    account: str | None,
    ids: Path | None,
    file_hosts: tuple[str, ...],
    original_only: bool,
    parallel: int,
    dry_run: bool,
    journal: Path | None,
    mapping: Path | None,
    as_json: bool,
) -> None:
    """Copy all images of an account in another system: bytes, texts, tags, albums, privacy, ids.

    Whatever ends it, the same command again goes on where it was. Ends with 0 if all went well, with 1 if not.
    """
    old = _old_address(system, old_url, old_key, file_hosts)
    name = f"safelight-import-{system}-{urlsplit(old.root).hostname}"
    run = Import(
        system=system,
        old=old,
        new=_address(new_url, new_key, "--to-key or SAFELIGHT_KEY"),
        make_source=_source_of(system, account, ids),
        account_name=account or "",
        journal=journal or Path(f"{name}.jsonl"),
        mapping=mapping or Path(f"{name}.csv"),
        parallel=parallel,
        is_dry=dry_run,
        processing={"profile": "ORIGINAL_ONLY"} if original_only else None,
    )
    sys.exit(run_import(run, _choose_report(as_json=as_json)))


def _source_of(system: str, account: str | None, ids: Path | None) -> Callable[[OldSite], Source]:
    if (system == "cloudflare") != (account is not None):
        raise click.UsageError("--account is for cloudflare, which cannot do without it.")
    if (system == "pixelfox") != (ids is not None):
        raise click.UsageError("--ids is for pixelfox, whose API lists no images: a file says which there are.")
    if account is not None:
        return lambda site: Cloudflare(site, account)
    if ids is not None:
        return lambda site: PixelFox(site, ids)
    return PixelFlare if system == "pixelflare" else Slink


def _old_address(system: str, url: str, key: str | None, file_hosts: tuple[str, ...]) -> OldAddress:
    checked = _address(url, key, "--key or SAFELIGHT_IMPORT_KEY")
    if any("/" in host or not host for host in file_hosts):
        raise click.UsageError("--file-host takes a host alone, such as cdn.example.org.")
    if "@" in urlsplit(checked.url).netloc:
        raise click.UsageError("--from takes no user name: --key is the credential.")
    # Whether or not the base URL was copied from the documents with its end.
    root = checked.url.removesuffix(SYSTEMS[system].prefix)
    return OldAddress(root, SYSTEMS[system].credentials(checked.key), frozenset(map(str.lower, file_hosts)))


def _address(url: str, key: str | None, where: str) -> Address:
    if not key:
        raise click.UsageError(f"No API key. Give one with {where}.")
    try:
        return parse_address(url, key)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _choose_report(*, as_json: bool) -> Report:
    if as_json:
        return JSONReport(sys.stdout)
    results, console = Console(), Console(stderr=True)
    return BarReport(console, results) if console.is_terminal else LineReport(console, results)
