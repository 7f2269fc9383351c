"""Open the store that a URL names."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from app.storage.local import LocalStore
from app.storage.object_modes import find_group
from app.storage.port import ObjectStore
from app.storage.s3 import S3Store
from app.storage.s3_client import S3Location

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_FLAGS = {"1": True, "true": True, "0": False, "false": False}
_DEFAULT_REGION = "us-east-1"


def open_store(url: str, public_url: str | None = None, *, group: str | None = None) -> ObjectStore:
    """The store at `file:///directory` or `s3://key:secret@host:port/bucket?secure=0&region=us-east-1`.

    Nothing is asked of it yet: see `ObjectStore.make_ready`. Key and secret are percent-encoded where they hold
    `/`, `@`, `:`, `?`, `#` or `%`; `secure` is 1 unless given. `public_url` is where clients reach an S3 store; `group`
    reads the files of a directory.

    Raises:
        ValueError: with a sentence that says what is wrong, and holds nothing of the URL.
    """
    # Every error hides its cause: those of the standard library quote the URL, and with it the secret.
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("the store's URL cannot be understood") from None
    if parts.scheme == "file":
        return LocalStore(_parse_directory(parts), group_id=find_group(group) if group is not None else None)
    if parts.scheme == "s3":
        location = _parse_location(parts)
        return S3Store(location, _as_clients_know_it(location, public_url))
    raise ValueError("the store's URL must begin with file:/// or s3://")


def _parse_directory(parts: SplitResult) -> Path:
    path = Path(unquote(parts.path))
    if parts.netloc or not path.is_absolute() or path == Path("/"):
        raise ValueError("a file store's URL must be file:/// and the absolute path of a directory")
    if parts.query or parts.fragment or "\0" in str(path) or ".." in path.parts:
        raise ValueError("a file store's URL must hold nothing but a plain path: no `?`, `#`, `..` or NUL")
    return path


def _parse_location(parts: SplitResult) -> S3Location:
    if not parts.username or not parts.password:
        raise ValueError("an S3 store's URL must hold an access key and a secret: s3://key:secret@host/bucket")
    bucket = unquote(parts.path).strip("/")
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ValueError("an S3 store's URL must end with a bucket: 3 to 63 of a-z, 0-9, `.` and `-`")
    options = _parse_options(parts)
    region = options.get("region", _DEFAULT_REGION)
    if not _REGION.fullmatch(region):
        raise ValueError("`region` in the S3 store's URL must be 1 to 64 of a-z, 0-9 and `-`")
    secure = options.get("secure", "1")
    if secure not in _FLAGS:
        raise ValueError("`secure` in the S3 store's URL must be 0 or 1")
    return S3Location(
        endpoint=_parse_endpoint(parts),
        bucket=bucket,
        access_key=unquote(parts.username),
        secret_key=unquote(parts.password),
        region=region,
        is_secure=_FLAGS[secure],
    )


def _as_clients_know_it(location: S3Location, public_url: str | None) -> S3Location:
    if public_url is None:
        return location
    parts = urlsplit(public_url)
    if parts.path.strip("/"):
        raise ValueError("the address under which clients know the S3 store must have no path")
    return replace(location, endpoint=_parse_endpoint(parts), is_secure=parts.scheme == "https")


def _parse_endpoint(parts: SplitResult) -> str:
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port in the S3 store's URL must be a number from 1 to 65535") from None
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise ValueError("the host in the S3 store's URL must be a name or an IPv4 address")
    return host if port is None else f"{host}:{port}"


def _parse_options(parts: SplitResult) -> dict[str, str]:
    if parts.fragment:
        raise ValueError("an S3 store's URL holds no `#`; in a secret it is written %23")
    try:
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=8)
    except ValueError:
        raise ValueError("the options in the S3 store's URL must be name=value, parted by `&`") from None
    if not options.keys() <= {"secure", "region"} or any(len(values) > 1 for values in options.values()):
        raise ValueError("the S3 store's URL takes the options `secure` and `region`, each once")
    return {name: values[0] for name, values in options.items()}
