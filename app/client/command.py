"""`safelight upload`: its options, and which report they mean."""

import sys
from pathlib import Path

import click
from rich.console import Console

from app.client.address import Address, parse_address
from app.client.bars import BarReport
from app.client.json_lines import JSONReport
from app.client.lines import LineReport
from app.client.reports import Report
from app.client.results import Results
from app.client.running import Run, run_upload
from app.client.wishes import Wishes, parse_derivative


class _Derivative(click.ParamType[tuple[str, str]]):
    name = "family:size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        try:
            return value if isinstance(value, tuple) else parse_derivative(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILES...", type=click.Path(path_type=Path))
@click.option(
    "--url",
    envvar="SAFELIGHT_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="The server. [env: SAFELIGHT_URL]",
)
@click.option(
    "--key",
    envvar="SAFELIGHT_KEY",
    help="An API key; better in the environment, where no process list shows it. [env: SAFELIGHT_KEY]",
)
@click.option("--private", is_flag=True, help="Only you can see the images.")
@click.option("--title", help="Title of every image.")
@click.option("--alt", help="Text in the place of every image.")
@click.option("--tag", "tags", multiple=True, help="May be given several times.")
@click.option(
    "--derivative",
    "derivatives",
    multiple=True,
    type=_Derivative(),
    help="Make exactly these, such as webp:w512; may be given several times.",
)
@click.option("--original-only", is_flag=True, help="Make nothing but the original.")
@click.option("--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Files sent at once.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line.")
@click.option("--no-wait", is_flag=True, help="End when the files are there, before their variants are ready.")
def upload(  # noqa: PLR0913, PLR0917  (one for each option: click calls it so)
    paths: tuple[Path, ...],
    url: str,
    key: str | None,
    private: bool,
    title: str | None,
    alt: str | None,
    tags: tuple[str, ...],
    derivatives: tuple[tuple[str, str], ...],
    original_only: bool,
    parallel: int,
    as_json: bool,
    no_wait: bool,
) -> None:
    """Send pictures (files, or folders of them), watch their variants become ready, print their stable URLs.

    URLs go to standard output, as a table on a terminal and as tab-separated lines (file, variant, state, URL)
    elsewhere; progress and problems go to standard error. Ends with 0 if all went well, with 1 if not.
    """
    if original_only and derivatives:
        raise click.UsageError("--original-only and --derivative exclude each other.")
    wishes = Wishes(title, alt, tags, private, original_only, derivatives)
    run = Run(_address(url, key), wishes, paths, parallel, not no_wait)
    sys.exit(run_upload(run, _choose_report(as_json=as_json)))


def _address(url: str, key: str | None) -> Address:
    if not key:
        raise click.UsageError(
            "No API key. Give one in SAFELIGHT_KEY or with --key; `safelight run` prints one when it starts first."
        )
    try:
        return parse_address(url, key)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _choose_report(*, as_json: bool) -> Report:
    if as_json:
        return JSONReport(sys.stdout)
    results, console = Results(Console()), Console(stderr=True)
    return BarReport(console, results) if console.is_terminal else LineReport(console, results)
