"""An issuer of JSON Web Tokens on loopback: its keys are served, rotated and taken away at will."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "safelight-tests"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Issuer:
    """Signs tokens, and serves the public halves of its keys."""

    def __init__(self) -> None:
        self.requests = 0
        self.is_away = False
        self.published: list[dict[str, Any]] = []  # JSON Web Keys
        self._keys: dict[str, tuple[str, PrivateKey]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.add_key("first", "RS256")

    @property
    def url(self) -> str:
        """The issuer's name, which is its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def jwks_url(self) -> str:
        """Where its keys are."""
        return f"{self.url}/certs"

    def add_key(self, key_id: str, algorithm: str, *, is_published: bool = True) -> None:
        """A new key for tokens of this algorithm."""
        key, public = _make_key(algorithm)
        self._keys[key_id] = (algorithm, key)
        if is_published:
            self.published = [*self.published, {**public, "kid": key_id, "alg": algorithm, "use": "sig"}]

    def withdraw(self, key_id: str) -> None:
        """Serve a key no longer."""
        self.published = [key for key in self.published if key["kid"] != key_id]

    def token(self, *, key_id: str = "first", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token for an hour, but for the claims that are named; None leaves one out."""
        algorithm, key = self._keys[key_id]
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "somebody", "iat": now, "nbf": now, "exp": now + 3600}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(said, key, algorithm=algorithm, headers={"kid": key_id, **(headers or {})})

    @contextmanager
    def running(self) -> Iterator["Issuer"]:
        """Serve while the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                body = json.dumps({"keys": issuer.published}).encode()
                self.send_response(503 if issuer.is_away else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
                pass

        return Handler


def _make_key(algorithm: str) -> tuple[PrivateKey, dict[str, Any]]:
    if algorithm == "RS256":
        rsa_key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        return rsa_key, RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True)
    if algorithm == "ES256":
        ec_key = ec.generate_private_key(ec.SECP256R1())
        return ec_key, ECAlgorithm.to_jwk(ec_key.public_key(), as_dict=True)
    ed_key = ed25519.Ed25519PrivateKey.generate()
    return ed_key, OKPAlgorithm.to_jwk(ed_key.public_key(), as_dict=True)
