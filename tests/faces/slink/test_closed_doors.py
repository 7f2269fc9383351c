"""A server that lets no guests in, and keys made on its command line."""

import subprocess
import sys

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.slink_api import send, violations_of


async def test_guests_are_told_that_they_are_not_let_in(site: Site) -> None:
    """SL-04, SL-06."""
    async with site.stranger() as nobody:
        answers = [
            await send(nobody, make_jpeg(), path="/api/guest/upload", method=method) for method in ("POST", "PUT")
        ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert [violations_of(answer) for answer in answers] == [[], []]


async def test_the_command_line_makes_keys_that_slinks_clients_know(site: Site) -> None:
    """SL-03."""
    key = make_key(site)

    async with Client(site.base_url, key) as client:
        answer = await send(client, make_jpeg(66, 50), path="/api/external/upload")

    assert key.startswith("sk_")
    assert answer.status_code == 201


def make_key(site: Site) -> str:
    """What `safelight keys add` prints."""
    command = [sys.executable, "-m", "app", "keys", "add", "admin", "--style", "slink"]
    made = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=True)
    return made.stdout.strip()
