"""What a person sees when everything runs."""

import os
import shlex
import sys
from pathlib import Path

from rich.console import Console

from app.settings import Settings

# Where `safelight upload` looks unless told otherwise.
_CLIENTS_DEFAULT = "http://127.0.0.1:8000"


def show_key(console: Console, key: str | None) -> None:
    """Show the first account's key; None where it was shown at an earlier start."""
    if key is None:
        return
    console.print()
    console.print("Account [bold]admin[/bold] was made. Its API key, shown this once:")
    # On a line of its own and never broken, so that it can be copied and grepped.
    console.print(key, style="bold red", highlight=False, markup=False, soft_wrap=True)
    console.print()


def show_addresses(console: Console, settings: Settings, *, key: str | None) -> None:
    """Show where everything is, and a line to send pictures with; `key` is the first account's if it was just made."""
    base = settings.public_base_url
    rows = {
        "GraphiQL": f"{base}/graphql",
        "API": f"{base}/graphql",
        "Schema": f"{base}/schema.graphql",
        "Metrics": f"{base}/metrics",
        "Data": str(settings.data_dir),
        "Logs": str(settings.data_dir / "logs"),
        "Command": _upload_line(base, key),
        "Stop": "Ctrl-C",
    }
    console.print()
    console.print("[bold red]●[/bold red] [bold]Safelight is ready[/bold]")
    for name, value in rows.items():
        console.print(f"  {name:<9} {value}", highlight=False, markup=False, soft_wrap=True)
    if settings.allow_unsandboxed:
        console.print("Pictures are decoded without the sandbox (SAFELIGHT_ALLOW_UNSANDBOXED).", style="yellow")


def _upload_line(base: str, key: str | None) -> str:
    """To be pasted into a shell of this folder, as it is where the key is known."""
    words = [] if base == _CLIENTS_DEFAULT else [f"SAFELIGHT_URL={shlex.quote(base)}"]
    words.append(f"SAFELIGHT_KEY={key or 'sl_…'}")
    # It lies beside the Python that runs this.
    words.append(shlex.quote(os.path.relpath(Path(sys.executable).with_name("safelight"))))
    return " ".join([*words, "upload *.jpg"])
