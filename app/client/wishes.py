"""What shall be made of the files, as a person asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

FAMILIES = ("original", "jpeg", "png", "webp", "avif")


@dataclass(frozen=True, slots=True)
class Wishes:
    """The same for every file of a run. None and empty: as the account's preferences say."""

    title: str | None = None
    alt: str | None = None
    tags: Sequence[str] = ()
    is_private: bool = False
    is_original_only: bool = False
    derivatives: Sequence[tuple[str, str]] = ()
    """(family, size): ("webp", "w512")."""

    def for_file(self, filename: str, byte_size: int, sha256: str) -> dict[str, object]:
        """A CreateUploadSessionInput."""
        wanted: dict[str, object] = {"filename": filename, "fileSize": byte_size, "sha256": sha256}
        optional: dict[str, object] = {
            "title": self.title,
            "alt": self.alt,
            "tags": list(self.tags) or None,
            "visibility": "PRIVATE" if self.is_private else None,
            "processing": self._processing(),
        }
        # Null would say "none"; what is left out follows the account's preferences.
        return wanted | {name: value for name, value in optional.items() if value is not None}

    def _processing(self) -> dict[str, object] | None:
        if self.is_original_only:
            return {"profile": "ORIGINAL_ONLY"}
        if not self.derivatives:
            return None
        derivatives = [{"family": family.upper(), "size": size} for family, size in self.derivatives]
        return {"profile": "CUSTOM", "derivatives": derivatives}


def parse_derivative(text: str) -> tuple[str, str]:
    """Read `webp:w512`.

    Raises:
        ValueError: it is not of that kind.
    """
    family, _, size = text.strip().partition(":")
    if family.lower() not in FAMILIES or not size:
        raise ValueError(f"{text!r} is not FAMILY:SIZE such as webp:w512; families are {', '.join(FAMILIES)}")
    return family.lower(), size
