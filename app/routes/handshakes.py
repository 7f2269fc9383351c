"""Refusals of WebSocket handshakes: HTTP answers with a body, which tells the operator of a proxy the cause."""

from starlette.types import Message, Send

from app.errors import SafelightError
from app.routes.answers import Tell, send_error, tell_error

_NO_CONTENT = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),)


async def refuse_handshake(send: Send, error: SafelightError, tell: Tell = tell_error) -> None:
    """Answer a handshake that has not been accepted with an error."""

    async def send_as_handshake(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    await send_error(send_as_handshake, error, _NO_CONTENT, tell=tell)
