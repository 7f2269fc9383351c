"""Clients of the Slink face: what each test sends, in Slink's own words."""

from typing import Any
from uuid import uuid4

import httpx

from app.domain.access import Scope
from app.domain.plans import make_plans
from app.ids import KeyStyle
from app.services.accounts.accounts import AccountService
from app.services.credentials.api_keys import ApiKeyService
from tests.support.client import Client
from tests.support.residents import ALL_BUT_ADMIN, PASSWORD, Person, Residents
from tests.support.site_rows import open_rows

Json = dict[str, Any]

SIGN_IN = """mutation ($username: String!, $password: String!) {
  signIn(username: $username, password: $password) { accessToken }
}"""
FLEXIBLE = "mutation { updatePreferences(input: {flexibleVariants: true}) { viewer { username } } }"


async def jwt_of(people: Residents, person: Person) -> str:
    """An access token of somebody whose password is `PASSWORD`."""
    async with people.client(None) as client:
        # Behind the trusted proxy: how often one address may sign in is no matter here.
        client.http.headers["X-Forwarded-For"] = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"
        answer = await client.ask(SIGN_IN, username=person.username, password=PASSWORD)
    token: str = answer["signIn"]["accessToken"]
    return token


async def slink_key_of(people: Residents, person: Person) -> str:
    """A key as Slink's clients know them."""
    async with open_rows(people.site) as database:
        keys = ApiKeyService(database, AccountService(database, make_plans(100_000_000)))
        made = await keys.create_for(
            person.id, name="slink", scopes=ALL_BUT_ADMIN, expires_at=None, style=KeyStyle.SLINK
        )
    return made.secret


async def send(
    client: Client, content: bytes, *, path: str = "/api/upload", method: str = "POST", part: str = "image"
) -> httpx.Response:
    """Upload a file as a form with one part."""
    return await client.http.request(method, path, files={part: ("picture.jpg", content)})


async def upload(client: Client, content: bytes, **more: str) -> str:
    """The id of a new image."""
    answer = await send(client, content, **more)
    assert answer.status_code == 201, answer.text
    image_id: str = answer.json()["id"]
    return image_id


async def read(client: Client, path: str) -> Json:
    """A good answer's JSON."""
    answer = await client.http.get(path)
    assert answer.status_code == 200, answer.text
    document: Json = answer.json()
    return document


def violations_of(answer: httpx.Response) -> list[Json]:
    """What a refused request is told to be wrong; all of its shape is checked."""
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    error: Json = answer.json()["error"]
    assert set(error) == {"title", "message", "violations"}
    if answer.status_code == 422:
        assert (error["title"], error["message"]) == ("Unprocessable Content", "Validation Error")
        assert all(set(violation) == {"property", "message"} for violation in error["violations"])
    else:
        assert error["violations"] == []
    violations: list[Json] = error["violations"]
    return violations


READ_ONLY = (Scope.IMAGES_READ,)
