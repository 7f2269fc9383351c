"""What a delivery address wishes to be sent of an image, made already or not."""

import hashlib
from dataclasses import dataclass

from app.domain.transforms import Transform, write_options
from app.domain.variants import Derivative, Family

FREE_MARK = "~"
"""The first sign of a free transformation's size; no preset's name has it."""
_HASH_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Wish:
    """One file of an image. Who asks for AUTO has decided already which family that is."""

    family: Family
    size: str | Transform
    """A preset's name, or a free transformation."""

    @property
    def is_free(self) -> bool:
        """Does no preset stand behind it?"""
        return isinstance(self.size, Transform)

    @property
    def options(self) -> str | None:
        """A free transformation as it is written; None for a preset."""
        return write_options(self.size) if isinstance(self.size, Transform) else None

    @property
    def derivative(self) -> Derivative:
        """Its name within the image."""
        return Derivative(self.family, size_name(self.size))


def size_name(size: str | Transform) -> str:
    """What stands for a size in rows and object keys: a free transformation is called by a hash of its options."""
    if isinstance(size, str):
        return size
    digest = hashlib.sha256(write_options(size).encode()).hexdigest()
    return FREE_MARK + digest[:_HASH_DIGITS]
