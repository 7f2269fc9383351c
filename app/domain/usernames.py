"""Names of accounts: which can be, and how one is made of somebody's e-mail address."""

import re

from app.errors import InvalidRequest

MIN_CHARACTERS, MAX_CHARACTERS = 3, 32
_USERNAME = re.compile(rf"[a-z0-9-]{{{MIN_CHARACTERS},{MAX_CHARACTERS}}}", re.ASCII)
# First parts of paths: an owner of such a name would have pretty addresses that mean something else.
RESERVED = frozenset({"f", "i", "t", "image", "images", "albums", "cdn", "cdn-cgi", "upload", "graphql", "api", "v1"})


RESERVED_FOR_NEW = frozenset({"guest", "admin", "root", "system"})
"""What people would take for the server itself. Accounts that are called so already keep name and addresses."""


def is_username(name: str) -> bool:
    """May an account be called so? What may not names none."""
    return _USERNAME.fullmatch(name) is not None and name not in RESERVED


def check_username(name: str) -> str:
    """The name, which a new account may have.

    Raises:
        InvalidRequest: it is too short, too long, reserved, or has other characters than a-z, 0-9 and -.
    """
    if not is_username(name) or name in RESERVED_FOR_NEW:
        message = f"A username has {MIN_CHARACTERS} to {MAX_CHARACTERS} of a-z, 0-9 and -, and is not reserved."
        raise InvalidRequest(message, details={"field": "username"})
    return name


def suggest_username(text: str) -> str:
    """A name that can be, as near as may be to what stands before the @ of `text`; it may be taken."""
    kept = re.sub(r"[^a-z0-9]+", "-", text.partition("@")[0].lower()).strip("-")
    # Room for a number, should the name be taken.
    name = kept[: MAX_CHARACTERS - 5].strip("-")
    return (
        name if len(name) >= MIN_CHARACTERS and name not in RESERVED | RESERVED_FOR_NEW else f"user-{name}".rstrip("-")
    )
