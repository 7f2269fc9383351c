"""Clients of the PixelFox face: what each test sends, in PixelFox's own words."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import delete, insert, select, update

from app.db.engine import utc_now
from app.db.tables import face_numbers, upload_sessions
from app.ids import hash_secret
from tests.support.client import Client
from tests.support.http_client import open_http
from tests.support.residents import Person
from tests.support.site import Site
from tests.support.site_rows import open_rows

# Answers are JSON whose shape each test knows: Any throughout this module.
Json = dict[str, Any]

CREATE_ALBUM = "mutation ($slug: String!) { createAlbum(input: {slug: $slug}) { album { id } } }"


class Fox:
    """Somebody with a PixelFox client, whose key goes with every request."""

    def __init__(self, site: Site, person: Person) -> None:
        self.person = person
        self.base_url = site.base_url
        self.http = open_http(f"{site.base_url}/api/v1", headers={"X-API-Key": person.key})
        self.native = Client(site.base_url, person.key)
        self._site = site

    async def __aenter__(self) -> "Fox":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.native.http.aclose()

    async def read(self, path: str) -> Json:
        """A good answer's JSON."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        document: Json = answer.json()
        return document

    async def open(self, file_size: int, **fields: Any) -> Json:
        """A new session."""
        answer = await self.http.post("/upload/sessions", json={"file_size": file_size, **fields})
        assert answer.status_code == 200, answer.text
        session: Json = answer.json()
        return session

    async def send(self, session: Json, content: bytes, *, name: str = "beispiel.jpg") -> httpx.Response:
        """The file of a session, with its token and nothing else."""
        headers = {"Authorization": f"Bearer {session['token']}"}
        async with open_http() as http:
            return await http.post(session["upload_url"], headers=headers, files={"file": (name, content)})

    async def upload(self, content: bytes, **fields: Any) -> Json:
        """The resource that an upload is answered with."""
        answer = await self.send(await self.open(len(content), **fields), content)
        assert answer.status_code == 200, answer.text
        resource: Json = answer.json()
        return resource

    async def finish(self, image_uuid: str) -> Json:
        """The resource when all is made."""
        await self.native.wait_complete(image_uuid)
        return await self.read(f"/images/{image_uuid}")

    async def add_album(self, slug: str, *, number: int | None = None) -> str:
        """A new album's id; it gets a certain number behind the server's back, where one is named."""
        album_id: str = (await self.native.ask(CREATE_ALBUM, slug=slug))["createAlbum"]["album"]["id"]
        if number is not None:
            async with open_rows(self._site) as database, database.write() as db:
                await db.execute(delete(face_numbers).where(face_numbers.c.number == number))
                await db.execute(insert(face_numbers).values(number=number, subject_id=UUID(album_id)))
        return album_id

    async def draft_of(self, session: Json) -> str:
        """The id of the image that a session's file will become, which PixelFox tells with the upload's answer only."""
        sessions = upload_sessions.c
        wanted = select(sessions.image_id).where(sessions.token_hash == hash_secret(session["token"]))
        async with open_rows(self._site) as database, database.read() as db:
            return str((await db.execute(wanted)).scalar_one())

    async def let_expire(self, session: Json) -> None:
        """Let a session's time be over."""
        of_token = upload_sessions.c.token_hash == hash_secret(session["token"])
        async with open_rows(self._site) as database, database.write() as db:
            await db.execute(update(upload_sessions).where(of_token).values(expires_at=utc_now()))


def custom(derivatives: list[dict[str, str]]) -> Json:
    """What a session takes as `processing`."""
    return {"profile": "custom", "derivatives": derivatives}


def error_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, word and field of a refusal, all of whose shape is checked."""
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()
    assert set(error) == {"error", "message", "details"}
    assert error["message"]
    return answer.status_code, error["error"], error["details"].get("field")
