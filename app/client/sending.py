"""The bytes of one file, on their way."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from app.client.answers import Session
from app.client.files import Sendable
from app.client.patience import keep_trying
from app.client.problems import Problem, problem_of_answer, unreachable

# The answer waits for the server's verdict on the picture; a slow line may need long for one part of it.
TIMEOUT = httpx.Timeout(60.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server has the bytes."""

    image_id: str
    is_duplicate: bool


class Sender:
    """Sends files to the upload addresses of sessions."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(
        self,
        picture: Sendable,
        session: Session,
        *,
        on_sent: Callable[[int], None],
        on_problem: Callable[[Problem], None],
    ) -> Receipt:
        """Send a file, as often as it takes: a session whose upload broke off is OPEN for another try.

        Raises:
            Problem: the bytes are refused, have changed meanwhile, or nobody takes them for too long.
        """
        is_first = True

        async def attempt() -> Receipt:
            nonlocal is_first
            is_again, is_first = not is_first, False
            try:
                return await self._put(picture, session, on_sent)
            except Problem as problem:
                # The server may not have noticed yet that our own broken try is over.
                if is_again and problem.code == "UPLOAD_ALREADY_USED":
                    problem.is_passing = True
                raise

        return await keep_trying(attempt, on_problem)

    async def _put(self, picture: Sendable, session: Session, on_sent: Callable[[int], None]) -> Receipt:
        on_sent(0)
        headers = {
            "Authorization": f"Bearer {session.token}",
            "Content-Length": str(picture.byte_size),
            "Content-Type": "application/octet-stream",
        }
        try:
            response = await self._http.put(session.upload_url, content=picture.read(on_sent), headers=headers)
        except httpx.TransportError as error:
            raise unreachable(session.upload_url) from error
        if response.status_code not in {200, 201}:
            raise problem_of_answer(response)
        resource = response.json()
        return Receipt(str(resource["id"]), bool(resource["duplicate"]))
