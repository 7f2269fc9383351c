"""Every setting, read once from the environment and `.env`, typed and checked, with units in the names."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, NoDecode, SettingsConfigDict

from app.setting_texts import PREFIX, describe_problem, find_misspelt, split_list
from app.setting_urls import (
    check_database_url,
    check_host,
    check_origins,
    check_redis_url,
    check_store_url,
    check_web_address,
    default_base_url,
)

MIB = 1024 * 1024


class InvalidSettings(Exception):
    """A setting is wrong; the text is one line that names it and says what it should be."""


def _check_networks(texts: list[str]) -> list[str]:
    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError as error:
            raise ValueError(f"{text[:64]!r} is no address and no network") from error
    return texts


OptionalOrigin = Annotated[str | None, AfterValidator(check_web_address)]
_Origins = Annotated[list[str], NoDecode, BeforeValidator(split_list), AfterValidator(check_origins)]
_Networks = Annotated[list[str], NoDecode, BeforeValidator(split_list), AfterValidator(_check_networks)]


class Settings(BaseSettings):
    """What an operator may choose. Defaults fit a laptop; every name is read with the prefix `SAFELIGHT_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: Annotated[str, AfterValidator(check_host)] = Field(
        "127.0.0.1", description="Address the API listens on; :: is every address of IPv6 and IPv4."
    )
    port: int = Field(8000, ge=1, le=65_535, description="Port the API listens on.")
    base_url: OptionalOrigin = Field(
        None,
        description=(
            "Where clients reach the server, the first thing to set behind a proxy: it stands in every address given "
            "out. Default http://{HOST}:{PORT} with the machine's name for 0.0.0.0 and ::."
        ),
    )
    cdn_url: OptionalOrigin = Field(None, description="Where pictures are served; default {BASE_URL}/cdn.")
    data_dir: Path = Field(Path("data"), description="Folder of everything that is kept on this machine.")
    database_url: Annotated[str | None, AfterValidator(check_database_url)] = Field(
        None, description="postgresql+asyncpg://user:password@host/name; default SQLite in the data folder."
    )
    redis_url: Annotated[str | None, AfterValidator(check_redis_url)] = Field(
        None, description="redis://host:port/0; default a private one that `safelight run` starts."
    )
    store_url: Annotated[str | None, AfterValidator(check_store_url)] = Field(
        None, description="s3://key:secret@host:port/bucket?secure=0&region=…; default a directory in the data folder."
    )
    store_public_url: OptionalOrigin = Field(
        None, description="Where clients reach the S3 store, for SAFELIGHT_DELIVERY=redirect; default as we do."
    )
    objects_group: str | None = Field(
        None,
        min_length=1,
        description="Group that may read the directory store, as nginx's user for SAFELIGHT_DELIVERY=accel.",
    )
    delivery: Literal["stream", "accel", "redirect"] = Field(
        "stream",
        description="Who sends pictures: stream, we; accel, nginx the large ones (deploy/); redirect, S3 all.",
    )
    memory_cache_bytes: int = Field(
        128 * MIB, ge=0, description="Bytes of small pictures that each API process keeps in memory."
    )
    disk_cache_bytes: int = Field(
        1024 * MIB, ge=0, description="Bytes of copies kept in the data folder where the store is S3; 0: none."
    )
    secret: SecretStr | None = Field(
        None,
        description="At least 32 characters, the same for every process; `safelight run` keeps one in the data folder.",
    )
    bootstrap_key: SecretStr | None = Field(
        None, description="Value of the first account's API key (sl_ and at least 32 characters); default a random one."
    )
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        le=256,
        description=(
            "Pictures rendered at the same time by one worker process, beside one that a request waits for; "
            "default the number of cores."
        ),
    )
    max_upload_bytes: int = Field(100 * MIB, ge=1024, description="Bytes of the largest upload that is taken.")
    max_side_px: int = Field(16_384, ge=1, description="Pixels of the longest side of a picture that is taken.")
    max_frame_pixels: int = Field(50_000_000, ge=1, description="Pixels of one frame.")
    max_frames: int = Field(500, ge=1, description="Frames of an animation.")
    max_total_pixels: int = Field(200_000_000, ge=1, description="Pixels over all frames.")
    max_animated_pixels: int = Field(
        60_000_000,
        ge=1,
        description="Pixels over all frames up to which an animation keeps moving; above it gives stills.",
    )
    allow_unsandboxed: bool = Field(
        False,
        description="1 lets pictures be decoded where the kernel has no Landlock or seccomp. For development only.",
    )
    allowed_origins: _Origins = Field(
        [], description="Other origins whose pages may use the API, between commas: https://app.example.org."
    )
    misses_per_minute: int = Field(
        100,
        ge=1,
        description="Variants that one client address may have made on demand in a minute. What is made is free.",
    )
    anonymous_cost_per_minute: int = Field(
        500_000,
        ge=1,
        description="Cost of GraphQL operations that one client address may run without a credential in a minute.",
    )
    trusted_proxies: _Networks = Field(
        [],
        description="Proxies whose X-Forwarded-For is believed, between commas: 10.0.0.0/8. Others may have forged it.",
    )
    orphan_days: int = Field(
        7, ge=1, le=365, description="Days for which objects without a row lie in the store's trash/ before they go."
    )
    incomplete_connections: int = Field(
        256,
        ge=1,
        description=(
            "Connections of one client address whose request or connection_init has not come whole; "
            "more are closed. Loopback and trusted proxies are not counted."
        ),
    )
    plans_file: Path | None = Field(
        None, description="TOML file that changes and adds plans; default the built-in ones. See docs/accounts.md."
    )
    guest_uploads: bool = Field(False, description="1 lets anyone upload, as the account guest with the plan guest.")
    jwt_issuer: str | None = Field(
        None, description="Issuer (iss) whose JSON Web Tokens are believed; goes with the two settings below."
    )
    jwt_jwks_url: OptionalOrigin = Field(None, description="Address of the issuer's public keys (JWKS).")
    jwt_audience: str | None = Field(None, description="Audience (aud) that a token of the issuer must be meant for.")
    jwt_create_accounts: bool = Field(
        False, description="1 makes an account with the plan free for each new identity of the issuer."
    )
    jwt_claim_by_email: bool = Field(
        False, description="1 lets a verified e-mail address of the issuer open the account of that address."
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Port of SAFELIGHT_HOST on which a worker serves its own /metrics; none by default.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        description=(
            "At least 16 characters, sent as Authorization: Bearer … to read /metrics; "
            "without it the API answers /metrics to direct requests from its own machine only."
        ),
    )
    head_timeout_s: float = Field(
        10, ge=0.5, le=120, description="Seconds within which a request's head must have arrived."
    )
    render_lease_s: float = Field(
        6,
        ge=3,
        le=600,
        description="Seconds after which another worker takes over the image of one that died.",
    )
    sweep_every_s: float = Field(
        5, ge=0.1, le=60, description="Seconds between two looks of a worker for work that was lost."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )

    @model_validator(mode="after")
    def _check_secrets(self) -> Self:
        if self.secret is not None and len(self.secret.get_secret_value()) < 32:
            raise ValueError("SAFELIGHT_SECRET must have at least 32 characters")
        if self.metrics_token is not None and len(self.metrics_token.get_secret_value()) < 16:
            raise ValueError("SAFELIGHT_METRICS_TOKEN must have at least 16 characters")
        key = self.bootstrap_key.get_secret_value() if self.bootstrap_key else None
        if key is not None and (not key.startswith("sl_") or len(key) < 35 or not key.isascii()):
            raise ValueError("SAFELIGHT_BOOTSTRAP_KEY must be sl_ followed by at least 32 characters")
        cdn, base = urlsplit(self.public_cdn_url), urlsplit(self.public_base_url)
        if cdn.netloc.lower() == base.netloc.lower() and not cdn.path:
            raise ValueError("SAFELIGHT_CDN_URL must have a host of its own, or a path such as /cdn")
        named = [self.jwt_issuer, self.jwt_jwks_url, self.jwt_audience]
        if any(named) and not all(named):
            raise ValueError("SAFELIGHT_JWT_ISSUER, SAFELIGHT_JWT_JWKS_URL and SAFELIGHT_JWT_AUDIENCE go together")
        return self

    @property
    def public_base_url(self) -> str:
        """Where clients reach the server, without a slash at the end."""
        return self.base_url or default_base_url(self.host, self.port)

    @property
    def base_path(self) -> str:
        """What a proxy in front strips of paths: that of the public address; usually empty."""
        return urlsplit(self.public_base_url).path

    @property
    def public_cdn_url(self) -> str:
        """Where pictures are served, without a slash at the end."""
        return self.cdn_url or f"{self.public_base_url}/cdn"

    @property
    def sql_url(self) -> str:
        """The database, as SQLAlchemy writes it."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'safelight.db'}"

    @property
    def sqlite_path(self) -> Path | None:
        """The database's file, absolute; None where it is a server's."""
        kind, _, path = self.sql_url.partition(":///")
        return Path(path.partition("?")[0]).absolute() if kind.startswith("sqlite") else None

    @property
    def object_store_url(self) -> str:
        """The store, as a URL."""
        return self.store_url or (self.data_dir.absolute() / "objects").as_uri()

    @property
    def is_store_far(self) -> bool:
        """Does each object come over a network?"""
        return self.object_store_url.startswith("s3://")

    @property
    def scratch_dir(self) -> Path:
        """Folder of files that live no longer than one upload or one job."""
        return self.data_dir.absolute() / "tmp"


def load_settings() -> Settings:
    """Read the settings, or raise `InvalidSettings` with one line about the first that is wrong."""
    try:
        _check_names()
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = describe_problem(first["type"], first["input"], first.get("ctx", {}), first["msg"])
        name = "".join(str(part).upper() for part in first["loc"][:1])
        raise InvalidSettings(f"{PREFIX}{name}: {reason}" if name else reason) from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(".env is no text in UTF-8") from error


def _check_names() -> None:
    given = {**DotEnvSettingsSource(Settings).env_vars, **EnvSettingsSource(Settings).env_vars}
    misspelt = find_misspelt(given, Settings.model_fields)
    if misspelt is not None:
        raise InvalidSettings(misspelt)
